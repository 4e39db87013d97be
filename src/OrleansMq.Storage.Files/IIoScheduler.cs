namespace OrleansMq.Storage.Files;

/// <summary>Where blocking file calls run: threads of our own, or the simulator's virtual time.</summary>
public interface IIoScheduler
{
    /// <summary>Runs the job, never on the caller's time where it would be kept waiting; the task ends with it and carries its exception.</summary>
    Task Run(Action job);
}

internal static class IoScheduling
{
    public static async ValueTask<T> Compute<T>(this IIoScheduler io, Func<T> job)
    {
        var result = default(T)!;
        await io.Run(() => { result = job(); });
        return result;
    }
}
