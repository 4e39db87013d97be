using System.Collections.Concurrent;

namespace OrleansMq.Conformance;

/// <summary>
/// Runs a story on one thread: whatever it awaits goes on here, in the order it became ready. So a story on a clock that stands still comes out the same
/// each time, and it is known when nobody has anything left to do before the clock moves.
/// </summary>
public sealed class StoryThread : SynchronizationContext
{
    // Real time without any event after which a story waits in vain.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Some work leaves the thread for a moment (cancelling, real disks); it gets so long to come back before all is called quiet.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    private readonly BlockingCollection<(SendOrPostCallback Call, object? State)> _ready = [];
    private TaskCompletionSource? _quiet;

    /// <summary>Runs the story to its end, and throws what it threw.</summary>
    public static void Run(Func<Task> story)
    {
        var outer = Current;
        var thread = new StoryThread();
        SetSynchronizationContext(thread);
        try
        {
            thread.RunToEnd(story());
        }
        finally
        {
            SetSynchronizationContext(outer);
        }
    }

    /// <summary>Ends when nothing is ready to go on.</summary>
    public Task Quiet() => (_quiet ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public override void Post(SendOrPostCallback d, object? state) => _ready.Add((d, state));

    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException("A story never blocks its thread.");

    public override SynchronizationContext CreateCopy() => this;

    private void RunToEnd(Task story)
    {
        _ = story.ContinueWith(_ => Post(_ => { }, null), TaskScheduler.Default);
        while (!story.IsCompleted)
        {
            if (_ready.TryTake(out var next, _quiet is null ? Patience : Pause))
            {
                next.Call(next.State);
            }
            else if (_quiet is { } quiet)
            {
                _quiet = null;
                quiet.SetResult();
            }
            else
            {
                throw new TimeoutException($"Nothing has happened for {Patience.TotalSeconds:0} s: the story waits in vain.");
            }
        }

        story.GetAwaiter().GetResult();
    }
}
