using System.Net.Sockets;

namespace OrleansMq;

/// <summary>What an exception of a broker's call means for who made it.</summary>
internal static class Failure
{
    /// <summary>Whether the same call may succeed later: the code says so, or the connection broke.</summary>
    public static bool IsRetriable(Exception e) => e is MqException refusal ? refusal.IsRetriable : IsBrokenConnection(e);

    /// <summary>Whether the call may have done its work all the same.</summary>
    public static bool IsOutcomeUnknown(Exception e) => e is not MqException { Code: not ErrorCodes.OutcomeUnknown };

    public static string? CodeOf(Exception e) => (e as MqException)?.Code;

    public static TimeSpan? RetryAfterOf(Exception e) => (e as MqException)?.RetryAfter;

    // A cancellation that nobody here asked for is some transport's time-out.
    private static bool IsBrokenConnection(Exception e) =>
        e is IOException or TimeoutException or HttpRequestException or SocketException or OperationCanceledException;
}
