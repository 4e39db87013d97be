using System.Diagnostics;

namespace OrleansMq.LoadBench.Measuring;

/// <summary>Says on the error output when this process stood still, so that a call without an answer can be told from a machine that was away.</summary>
internal sealed class Stalls : IDisposable
{
    private static readonly TimeSpan Worth = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50);

    private readonly string _name;
    private readonly CancellationTokenSource _ended = new();
    private readonly Thread _all;
    private readonly Task _pool;

    public Stalls(string name)
    {
        _name = name;
        _all = new Thread(WatchAll) { IsBackground = true, Name = "stalls" };
        _all.Start();
        _pool = Task.Run(WatchPool);
    }

    /// <summary>A thread of its own is late only where all threads are: at a collection, or when the machine is.</summary>
    private void WatchAll()
    {
        while (true)
        {
            var (at, collecting) = (Stopwatch.GetTimestamp(), GC.GetTotalPauseDuration());
            if (_ended.Token.WaitHandle.WaitOne(Step))
                return;
            Tell(at, "all threads", $", {(GC.GetTotalPauseDuration() - collecting).TotalSeconds:0.0} s of it collecting");
        }
    }

    private async Task WatchPool()
    {
        while (!_ended.IsCancellationRequested)
        {
            var at = Stopwatch.GetTimestamp();
            await Task.Delay(Step, CancellationToken.None);
            Tell(at, "the thread pool", $", {ThreadPool.ThreadCount} threads, {ThreadPool.PendingWorkItemCount} waiting");
        }
    }

    private void Tell(long since, string what, string more)
    {
        if (Stopwatch.GetElapsedTime(since) is var still && still >= Worth)
            Console.Error.WriteLine($"  {DateTime.UtcNow:HH:mm:ss} {_name}: {what} stood still for {still.TotalSeconds:0.0} s{more}");
    }

    public void Dispose()
    {
        _ended.Cancel();
        _all.Join();
        _pool.GetAwaiter().GetResult();
        _ended.Dispose();
    }
}
