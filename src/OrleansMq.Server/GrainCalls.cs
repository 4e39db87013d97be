using OrleansMq.Client;

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
        catch (Exception failure) when (Failover.OfTheWay(failure) is { } translated)
        {
            throw translated;
        }
    }

    public static Task Ask(Func<Task> call) => Ask(async () =>
    {
        await call();
        return true;
    });
}
