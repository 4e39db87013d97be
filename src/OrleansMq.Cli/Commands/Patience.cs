using System.Net.Sockets;

namespace OrleansMq.Cli.Commands;

/// <summary>Trying again what may succeed later, for commands that are asked to stay.</summary>
internal static class Patience
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public static ValueTask<T> Try<T>(Invocation run, bool patient, Func<ValueTask<T>> attempt) =>
        Try(run, patient ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, attempt);

    /// <param name="limit">After the first failure; infinite: without end.</param>
    public static async ValueTask<T> Try<T>(Invocation run, TimeSpan limit, Func<ValueTask<T>> attempt)
    {
        var began = run.Console.Time.GetTimestamp();
        for (var said = false; ; said = true)
        {
            TimeSpan pause;
            try
            {
                return await attempt();
            }
            catch (Exception e) when (MayPass(e) && (limit == Timeout.InfiniteTimeSpan || run.Console.Time.GetElapsedTime(began) < limit) && !run.Cancel.IsCancellationRequested)
            {
                if (!said)
                    run.Say($"mq: {e.Message} Trying again.");
                pause = (e as MqException)?.RetryAfter ?? Pause;
            }
            await Task.Delay(pause, run.Console.Time, run.Cancel);
        }
    }

    private static bool MayPass(Exception e) => e is MqException { IsRetriable: true } or HttpRequestException or SocketException;
}
