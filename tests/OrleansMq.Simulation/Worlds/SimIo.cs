using OrleansMq.Storage.Files;

namespace OrleansMq.Simulation.Worlds;

/// <summary>Disk jobs of a process: each takes its time, and several are under way at once.</summary>
internal sealed class SimIo(SimProcess owner, Func<TimeSpan> latency) : IIoScheduler
{
    public Task Run(Action job)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        World.After(owner, latency(), () =>
        {
            try
            {
                job();
                done.SetResult();
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return done.Task;
    }
}
