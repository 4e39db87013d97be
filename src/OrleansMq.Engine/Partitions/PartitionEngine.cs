using System.Collections.Immutable;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Core.Snapshots;
using OrleansMq.Core.Transactions;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using OrleansMq.Engine.Turns;
using OrleansMq.Records;

namespace OrleansMq.Engine.Partitions;

/// <summary>
/// One partition at work: takes commands in turns, lets <see cref="Partition"/> decide, gives the log one write for all that gathered while the previous
/// write was in flight, and releases answers when the log has them at the level they promise.
/// </summary>
/// <remarks>
/// Everything that changes state runs in a turn of <see cref="_turns"/>; there is no await in a turn. Reading runs beside it, on what is visible.
/// </remarks>
public sealed partial class PartitionEngine : IGroupPartition, IAdmissionPartition, IAsyncDisposable
{
    private readonly IPartitionLog _log;
    private readonly PartitionHost _host;
    private readonly ITopicOfPartition _topic;
    private readonly TurnQueue _turns;
    private readonly EngineClock _clock;
    private readonly OffsetIndex _index;
    private readonly PositionGate _positions = new();
    private readonly PartitionReader _reader;
    private readonly ITimer _deadlineTimer;
    private readonly ITimer _flushTimer;
    private readonly ITimer _maintenanceTimer;

    /// <summary>Replaced only when a write was refused and the log is replayed.</summary>
    private Partition _state;

    /// <summary>What was decided and not yet given to the log; the other one is with the log.</summary>
    private FrameBuffer _frames;
    private FrameBuffer _framesInFlight;

    /// <summary>Groups of frames are numbered in the order they are sealed. Invariant: durable &lt;= written &lt;= sealed.</summary>
    private long _sealedGroup;
    private long _writtenGroup;
    private long _durableGroup;

    /// <summary>The newest group whose flush somebody waits for.</summary>
    private long _durableWanted;
    private bool _appending;
    private bool _flushing;

    // The append under way returns when all before it is durable.
    private bool _appendFlushes;
    private bool _flushTimed;

    private readonly Queue<PartitionCommand> _awaitWritten = new();
    private readonly Queue<PartitionCommand> _awaitDurable = new();

    /// <summary>Where groups end that are sealed and not durable yet.</summary>
    private readonly Queue<Sealed> _undurable = new();

    /// <summary>Commands that came while the log was replayed.</summary>
    private readonly Queue<PartitionCommand> _heldBack = new();
    private bool _replaying;
    private long _fullUntilMs;

    private Exception? _stopped;
    private bool _closing;
    private readonly TaskCompletionSource _atRest = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Visible _visible;

    private PartitionEngine(IPartitionLog log, Partition state, long snapshotPosition, OffsetIndex index, ITopicOfPartition topic, PartitionHost host)
    {
        (_log, _state, _index, _topic, _host) = (log, state, index, topic, host);
        _reader = new PartitionReader(log, index, _positions);
        _turns = new TurnQueue(host.Scheduler, host.InlineTurns, AfterTurns);
        _clock = new EngineClock(host.Time, state.ClockMs);
        state.Half.OpenedAtMs = _openedAtMs = _clock.NowMs;
        _frames = NewBuffer();
        _framesInFlight = NewBuffer();
        _frames.Reset(state.Position);
        _visible = SeenNow(state.Position);
        _snapshotPosition = _olderSnapshotPosition = snapshotPosition;
        _deadlineTimer = host.Time.CreateTimer(_ => Post(OnDeadline), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _flushTimer = host.Time.CreateTimer(_ => Post(OnFlushDue), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _maintenanceTimer = host.Time.CreateTimer(_ => Post(OnMaintenance), null, host.MaintenanceInterval, host.MaintenanceInterval);
    }

    /// <summary>Opens a log that exists, at a new epoch, and brings its state back.</summary>
    /// <exception cref="StorageException">The log is missing, damaged or failed.</exception>
    public static async ValueTask<PartitionEngine> Open(IStorage storage, LogId id, ITopicOfPartition topic, PartitionHost host)
    {
        var log = await storage.OpenLog(id);
        try
        {
            var index = new OffsetIndex(log);
            using var snapshot = log.Snapshot;
            var (state, report) = await Replayed(log, snapshot, topic.Settings, index);
            if (report.TornBytes > 0)
                host.Report($"Topic {topic.Name}, partition {id.Partition}: {report.TornBytes} bytes after position {report.CutAt} were not a whole frame and never acknowledged as durable; they were cut.");
            var engine = new PartitionEngine(log, state, snapshot?.Position ?? log.Start, index, topic, host) { _canRewrite = storage.CanRewrite };
            engine.Post(engine.AfterReplay);
            return engine;
        }
        catch
        {
            await log.DisposeAsync();
            throw;
        }
    }

    /// <summary>A log whose checked bytes make no sense was written by somebody else, or by a bug: it is damaged, not unavailable for a while.</summary>
    private static async ValueTask<(Partition State, RecoveryReport Report)> Replayed(IPartitionLog log, LogSnapshot? snapshot, TopicSettings settings, OffsetIndex index)
    {
        try
        {
            return await LogRecovery.Replay(log, snapshot, PartitionLimits.Of(settings), index);
        }
        catch (Exception nonsense) when (nonsense is StateFormatException or PartitionBrokenException or MalformedBatchException)
        {
            throw new LogDamagedException($"Topic {log.Id.TopicId:N}, partition {log.Id.Partition}: {nonsense.Message} Run 'mq doctor' on the data folder.");
        }
    }

    public int Number => _log.Id.Partition;

    public int Epoch => _log.Epoch;

    /// <summary>Why the partition serves no more, or null.</summary>
    public MqError? StoppedBecause => _stopped is null ? null : Unavailable(_stopped).Error;

    /// <summary>What readers may see.</summary>
    internal Visible Seen => _visible;

    private FrameBuffer NewBuffer() => new(_state.Log, _log.Epoch);

    private void Post(Action action) => _turns.Post(new ActionTurn(action));

    /// <summary>Asks a question that a function answers in a turn.</summary>
    private Task<T> Ask<T>(ReleaseLevel level, Func<Partition, FrameBuffer, long, T> decide)
    {
        var question = new PartitionQuestion<T>(this, level, decide);
        _turns.Post(question);
        return question.Answer;
    }

    internal void TakeCommand(PartitionCommand command)
    {
        if (_stopped is not null || _closing)
            command.Fail(_stopped is null ? Closing() : Unavailable(_stopped));
        else if (_replaying)
            _heldBack.Enqueue(command);
        else
            Decide(command);
    }

    private void Decide(PartitionCommand command)
    {
        try
        {
            command.Decide(_state, _frames, _clock.NowMs);
            if (_topic.TracksBacklog)
                _topic.NoteBacklog(this, _state);
        }
        catch (MqException refusal)
        {
            // The topic has counted it by now.
            if (command is AppendCommand && _topic.TracksBacklog)
                _topic.NoteBacklog(this, _state);
            command.Fail(refusal);
            return;
        }
        catch (Exception bug)
        {
            Stop(bug);
            command.Fail(Unavailable(bug));
            return;
        }

        if (command is AppendCommand { IsParked: true })
            return;
        Await(command);
    }

    private void Await(PartitionCommand command)
    {
        command.AwaitedGroup = _frames.IsEmpty ? _sealedGroup : _sealedGroup + 1;
        switch (command.Level)
        {
            case ReleaseLevel.Durable when command.AwaitedGroup > _durableGroup:
                _durableWanted = Math.Max(_durableWanted, command.AwaitedGroup);
                _awaitDurable.Enqueue(command);
                break;
            case ReleaseLevel.Written when command.AwaitedGroup > _writtenGroup:
                _awaitWritten.Enqueue(command);
                break;
            default:
                command.Release();
                break;
        }
    }

    private void AfterTurns()
    {
        if (_closing && (_stopped is not null || HasNothingInFlight))
            _atRest.TrySetResult();
        if (_stopped is not null || _replaying)
            return;
        if (!_appending && !_frames.IsEmpty)
            StartAppend();
        else if (!_appending && !_flushing && _durableWanted > _durableGroup)
            StartFlush();
        if (WantsFlush)
            FlushSoon();
        SetDeadline();
    }

    /// <summary>Everything that was taken is written, and flushed where somebody waits for it.</summary>
    private bool HasNothingInFlight => !_replaying && !_appending && !_flushing && _frames.IsEmpty && _durableWanted <= _durableGroup;

    private void StartAppend()
    {
        var bytes = _frames.Seal();
        var end = _frames.BasePosition + bytes.Length;
        _state.SealedAt(end);
        var group = ++_sealedGroup;
        var seen = SeenNow(end);
        _undurable.Enqueue(new Sealed(group, seen));
        (_frames, _framesInFlight) = (_framesInFlight, _frames);
        _frames.Reset(end);
        _frames.DurablePosition = _visibleDurable;
        _appending = true;
        var flush = _appendFlushes = _durableWanted >= group;
        Finish(_log.Append(bytes, flush), error => Appended(group, flush, error));
    }

    /// <summary>Something is written that no call under way makes durable.</summary>
    private bool WantsFlush => !_closing && !_flushing && !_appendFlushes && _writtenGroup > _durableGroup;

    /// <summary>What nobody waits for gathers until the interval is over, also while more is appended. A reader that may not see it before it is durable waits for it.</summary>
    private void FlushSoon()
    {
        if (!_topic.ReadsUnflushed && HasWaiters)
        {
            StartFlush();
        }
        else if (!_flushTimed)
        {
            _flushTimed = true;
            _flushTimer.Change(_host.FlushInterval, Timeout.InfiniteTimeSpan);
        }
    }

    private void StartFlush()
    {
        _flushing = true;
        var group = _writtenGroup;
        Finish(_log.Flush(), error => Flushed(group, error));
    }

    /// <summary>Comes back in a turn when the storage is done; at once if it already is.</summary>
    private void Finish(ValueTask work, Action<Exception?> done)
    {
        if (work.IsCompletedSuccessfully)
        {
            work.GetAwaiter().GetResult();
            Post(() => done(null));
            return;
        }

        Continue(work, done);
    }

    private async void Continue(ValueTask work, Action<Exception?> done)
    {
        Exception? error = null;
        try
        {
            await work;
        }
        catch (Exception e)
        {
            error = e;
        }

        Post(() => done(error));
    }

    private void Appended(long group, bool flushed, Exception? error)
    {
        _appending = _appendFlushes = false;
        if (error is LogFullException)
        {
            ReplayAfterRefusal(error);
            return;
        }

        if (error is not null)
        {
            Stop(error);
            return;
        }

        _writtenGroup = group;
        // Not before: of frames that the log refused no mark may stay, for other frames will stand there.
        _index.AddFrames(_framesInFlight.Seal().Span);
        Release(_awaitWritten, group);
        if (flushed)
            DurableUpTo(group);
        else if (_topic.ReadsUnflushed)
            Show(_undurable.Last(s => s.Group == group).Seen);
        SnapshotIfDue();
    }

    private void Flushed(long group, Exception? error)
    {
        _flushing = false;
        if (error is not null)
            Stop(error);
        else
            DurableUpTo(group);
    }

    private void OnFlushDue()
    {
        _flushTimed = false;
        if (_stopped is null && WantsFlush)
            StartFlush();
    }

    private long _visibleDurable;

    private void DurableUpTo(long group)
    {
        if (group <= _durableGroup)
            return;
        _durableGroup = group;
        Visible? seen = null;
        while (_undurable.TryPeek(out var next) && next.Group <= group)
            seen = _undurable.Dequeue().Seen;
        if (seen is not null)
        {
            _visibleDurable = seen.Position;
            _frames.DurablePosition = seen.Position;
            Show(seen);
        }

        Release(_awaitDurable, group);
    }

    private void Show(Visible seen)
    {
        if (seen.Position <= _visible.Position)
            return;
        var more = seen.End > _visible.End || seen.RedrivenMoved;
        _visible = seen;
        if (more)
            WakeReaders();
        _topic.VisibleMoved(this);
    }

    private static void Release(Queue<PartitionCommand> waiting, long group)
    {
        while (waiting.TryPeek(out var command) && command.AwaitedGroup <= group)
            waiting.Dequeue().Release();
    }

    /// <summary>What readers will see once everything below <paramref name="position"/> may be seen.</summary>
    private Visible SeenNow(long position) => new(_state.Start, _state.End, position, true) { Stable = _state.StableEnd, Aborted = _state.Transactions.Aborted, GapsEnd = _state.GapsEnd, Delayed = _state.Scheduled.Count };

    private sealed class ActionTurn(Action action) : ITurn
    {
        public void Take() => action();
    }

    private readonly record struct Sealed(long Group, Visible Seen);
}

/// <summary>What readers may see: offsets from start to end, in frames below a position.</summary>
internal sealed record Visible(long Start, long End, long Position, bool RedrivenMoved)
{
    /// <summary>Messages that wait for their time.</summary>
    public long Delayed { get; init; }

    /// <summary>Where those stop that see only what is decided.</summary>
    public required long Stable { get; init; }

    /// <summary>What within it is void, in the order of the markers.</summary>
    public required ImmutableList<AbortedRange> Aborted { get; init; }

    /// <summary>Below it an offset that has no message was compacted.</summary>
    public required long GapsEnd { get; init; }
}
