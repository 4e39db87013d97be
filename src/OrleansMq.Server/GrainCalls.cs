
namespace OrleansMq.Server;

/// <summary>Calls from one of our grains to another: what goes wrong on the way becomes a refusal, which the caller's client tries again.</summary>
internal static class GrainCalls
{
    public static async Task<T> Ask<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (Exception failure) when (Translate(failure) is { } translated)
        {
            throw translated;
        }
    }

    public static Task Ask(Func<Task> call) => Ask(async () =>
    {
        await call();
        return true;
    });

    private static MqException? Translate(Exception failure) => failure switch
    {
        TimeoutException or SiloUnavailableException => new MqException(ErrorCodes.OutcomeUnknown, $"Another silo did not answer: {failure.Message}", TimeSpan.FromSeconds(1), failure),
        OrleansMessageRejectionException => new MqException(ErrorCodes.PartitionUnavailable, $"Another silo did not take the call: {failure.Message}", TimeSpan.FromSeconds(1), failure),
        OrleansException => new MqException(ErrorCodes.OutcomeUnknown, $"A call to another silo failed: {failure.Message}", TimeSpan.FromSeconds(1), failure),
        _ => null,
    };
}
