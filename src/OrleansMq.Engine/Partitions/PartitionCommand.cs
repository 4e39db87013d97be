using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Engine.Turns;

namespace OrleansMq.Engine.Partitions;

/// <summary>What must be true before an answer goes out.</summary>
public enum ReleaseLevel
{
    /// <summary>Nothing: the answer promises nothing that a crash could take back.</summary>
    Decided = 0,

    /// <summary>All frames decided so far are written.</summary>
    Written = 1,

    /// <summary>All frames decided so far are flushed.</summary>
    Durable = 2,
}

/// <summary>A question to a partition: decided in a turn, answered when the log has it at the level that the answer promises.</summary>
internal abstract class PartitionCommand(PartitionEngine engine) : ITurn
{
    protected PartitionEngine Engine { get; } = engine;

    public ReleaseLevel Level { get; set; }

    /// <summary>The group of frames that must be written or flushed first.</summary>
    public long AwaitedGroup { get; set; }

    public void Take() => Engine.TakeCommand(this);

    /// <summary>Decides, and applies what it decided. An exception refuses the command; nothing may have changed then.</summary>
    public abstract void Decide(Partition state, FrameBuffer frames, long nowMs);

    /// <summary>Lets the answer go.</summary>
    public abstract void Release();

    public abstract void Fail(Exception error);
}

/// <summary>A command with an answer.</summary>
internal abstract class PartitionCommand<T>(PartitionEngine engine) : PartitionCommand(engine)
{
    private readonly TaskCompletionSource<T> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    protected T? Result { get; set; }

    public Task<T> Answer => _answer.Task;

    public override void Release() => _answer.TrySetResult(Result!);

    public override void Fail(Exception error) => _answer.TrySetException(error);
}

/// <summary>A command made of one function.</summary>
internal sealed class PartitionQuestion<T>(PartitionEngine engine, ReleaseLevel level, Func<Partition, FrameBuffer, long, T> decide) : PartitionCommand<T>(engine)
{
    public override void Decide(Partition state, FrameBuffer frames, long nowMs)
    {
        Level = level;
        Result = decide(state, frames, nowMs);
    }
}
