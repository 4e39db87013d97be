using OrleansMq.Storage.Files;

namespace OrleansMq.Simulation.Disk;

/// <summary>Runs each job at once on the caller: one thread, one order, nothing left to chance.</summary>
public sealed class InlineIo : IIoScheduler
{
    public Task Run(Action job)
    {
        try
        {
            job();
            return Task.CompletedTask;
        }
        catch (Exception e)
        {
            return Task.FromException(e);
        }
    }
}
