using OrleansMq.Core.Delay;
using OrleansMq.Core.Partitions;
using OrleansMq.Records;

namespace OrleansMq.Engine.Partitions;

/// <summary>Messages that wait for their time: read outside the turns when it has come, moved in one.</summary>
public sealed partial class PartitionEngine : IScheduledMessages
{
    private const int MoveAtOnce = 1_000;
    private const int MoveBytes = 1 << 20;
    private const int LoadAtOnce = 64;
    private const int RollAtOnce = 200;

    /// <summary>The log is not held back by less than this before delayed messages are written again.</summary>
    private const long RollFromBytes = 64 << 20;

    /// <summary>Batches are kept between moves while more is due within so long: their messages are often due one after another.</summary>
    private const long BatchesKeptMs = 1_000;

    private ScheduledBatches? _dueBatches;
    private bool _movingDue;
    private bool _loadingFar;
    private Task _moving = Task.CompletedTask;
    private Task _loading = Task.CompletedTask;

    /// <summary>After a refusal nothing is tried before this.</summary>
    private long _scheduledRestMs;

    /// <summary>When the lane of delayed messages wants a turn.</summary>
    private long NextScheduledMs
    {
        get
        {
            var next = long.MaxValue;
            if (!_movingDue && _state.Scheduled.NextDueMs is { } due)
                next = due;
            if (!_loadingFar && _state.Scheduled.NextLoadMs is { } load)
                next = Math.Min(next, load);
            return next == long.MaxValue ? next : Math.Max(next, _scheduledRestMs);
        }
    }

    /// <summary>Begins what is due in the lane of delayed messages. In a turn.</summary>
    private void StartScheduled()
    {
        var now = _clock.NowMs;
        if (_stopped is not null || _replaying || _closing || now < _scheduledRestMs)
            return;
        if (!_movingDue)
        {
            var due = new List<DueMessage>();
            _state.Scheduled.TakeDue(now, MoveAtOnce, _visible.Position, due);
            if (_movingDue = due.Count > 0)
                _moving = MoveDue(_state, due);
        }

        if (!_loadingFar)
        {
            var far = new List<ScheduledFrame>();
            _state.Scheduled.SelectFar(now, LoadAtOnce, far);
            far.RemoveAll(frame => frame.Position >= _visible.Position);
            if (_loadingFar = far.Count > 0)
                _loading = LoadFar(far);
        }
    }

    /// <summary>How many messages wait for their time.</summary>
    public long Delayed => _visible.Delayed;

    /// <summary>Messages wait here for their time or for a decision: it does not sleep meanwhile.</summary>
    public Task<bool> HasWaiting() => Ask(ReleaseLevel.Decided, (state, _, _) => state.Scheduled.Count > 0 || state.Half.NextTimeOutMs is not null);

    /// <summary>Ends when nothing of the lane is read any more; to be awaited once nothing new begins.</summary>
    private Task ScheduledAtRest() => Task.WhenAll(_moving, _loading);

    private async Task MoveDue(Partition from, List<DueMessage> due)
    {
        var moved = 0;
        try
        {
            var cache = _dueBatches ??= new ScheduledBatches(this);
            while (moved < due.Count)
            {
                var (moves, bytes, next) = (new List<ScheduledMove>(), 0, moved);
                for (; next < due.Count && bytes < MoveBytes; next++)
                    if (await cache.Find(due[next].Offset, due[next].Position) is { } record)
                    {
                        moves.Add(new ScheduledMove(due[next].Offset, record));
                        bytes += record.Size;
                    }

                // Durable, so that it is flushed, and seen, at once and not with the next flush.
                await Ask(ReleaseLevel.Durable, (state, frames, now) =>
                {
                    RefuseWhileFull(now);
                    return state.MoveDue(moves, now, frames);
                });
                moved = next;
            }

            Post(() =>
            {
                if (!(_state.Scheduled.NextDueMs <= _clock.NowMs + BatchesKeptMs))
                    _dueBatches = null;
                ScheduledDone(ref _movingDue);
            });
        }
        catch (MqException refusal)
        {
            // No room, or the partition stopped; where the log was replayed, the state knows them anyway.
            Post(() =>
            {
                _dueBatches = null;
                if (_state == from)
                    due.Skip(moved).ToList().ForEach(message => from.Scheduled.PutBack(message));
                ScheduledRests(ref _movingDue, refusal);
            });
        }
    }

    private async Task LoadFar(List<ScheduledFrame> frames)
    {
        try
        {
            foreach (var frame in frames)
            {
                var messages = new List<(long Offset, long DueMs)>();
                foreach (var record in (await ScheduledBatch(frame.Position)).Records())
                    messages.Add((record.Offset, ScheduledHeaders.DueMs(record)));
                await Ask(ReleaseLevel.Decided, (state, _, now) =>
                {
                    state.Scheduled.Offer(frame, now, messages);
                    return true;
                });
            }

            Post(() => ScheduledDone(ref _loadingFar));
        }
        catch (MqException refusal)
        {
            Post(() => ScheduledRests(ref _loadingFar, refusal));
        }
    }

    private void ScheduledDone(ref bool busy)
    {
        busy = false;
        StartScheduled();
    }

    private void ScheduledRests(ref bool busy, MqException refusal)
    {
        busy = false;
        _scheduledRestMs = _clock.NowMs + 1_000;
        if (_stopped is null && !_closing)
            _host.Report($"Topic {_topic.Name}, partition {Number}: delayed messages are late, because they could not be read or moved: {refusal.Message}");
    }

    /// <summary>Writes delayed messages that hold the log back, or lie in too many small frames, again at its end.</summary>
    private async Task RollScheduled(long keep)
    {
        var cutoff = await Ask(ReleaseLevel.Durable, (state, _, _) =>
        {
            var (least, held) = (state.Scheduled.LeastPosition, state.Position - state.Scheduled.LeastPosition);
            return held > Math.Max(RollFromBytes, 4 * state.Scheduled.PendingBytes) ? Math.Min(keep, least + held / 2) : 0;
        });
        for (var left = RollAtOnce; left > 0; left--)
        {
            var frames = await Ask(ReleaseLevel.Durable, (state, _, _) => state.Scheduled.SelectToRoll(cutoff));
            if (frames.Count == 0)
                return;
            var moves = new List<ScheduledMove>();
            foreach (var frame in frames)
                foreach (var record in (await ScheduledBatch(frame.Position)).Records())
                    moves.Add(new ScheduledMove(record.Offset, record));
            await Ask(ReleaseLevel.Durable, (state, rolled, now) =>
            {
                RefuseWhileFull(now);
                state.RollScheduled(frames, moves, now, rolled);
                return true;
            });
        }
    }

    public async Task<ScheduledMessage?> FindScheduled(string id) =>
        await LocateScheduled(id) is { } found ? Describe(found.Offset, found.Record) : null;

    public async Task<bool> CancelScheduled(string id)
    {
        while (await LocateScheduled(id) is { } found)
        {
            if (await Ask(CursorLevel, (state, frames, now) =>
                {
                    RefuseWhileFull(now);
                    return state.CancelScheduled(found.Offset, now, frames);
                }))
                return true;
            // It went while it was looked for; another may have the same token.
        }

        return false;
    }

    public async Task<ScheduledPart> ListScheduled(long from, int max)
    {
        ThrowIfStopped();
        var (places, next) = await Ask(ReleaseLevel.Durable, (state, _, _) =>
        {
            var some = new List<(long Offset, long Position)>();
            var at = state.Scheduled.NextPending(from);
            for (; at >= 0 && some.Count < max; at = state.Scheduled.NextPending(at + 1))
                if (state.Scheduled.TryFind(at, out var frame))
                    some.Add((at, frame.Position));
            return (some, at);
        });
        var cache = new ScheduledBatches(this);
        var messages = new List<ScheduledMessage>();
        foreach (var (offset, position) in places)
            if (await cache.Find(offset, position) is { } record)
                messages.Add(Describe(offset, record));
        return new ScheduledPart(messages, next);
    }

    private async Task<(long Offset, RecordView Record)?> LocateScheduled(string id)
    {
        ThrowIfStopped();
        if (System.Text.Encoding.UTF8.GetByteCount(id) is > 0 and <= MessageCodec.MaxTokenBytes)
            foreach (var frame in await Ask(ReleaseLevel.Durable, (state, _, _) => state.Scheduled.FindToken(Core.Dedup.TokenHash.Of(id))))
                foreach (var record in (await ScheduledBatch(frame.Position)).Records())
                    if (ScheduledHeaders.IdOf(Number, record, record.Offset) == id && await IsPending(record.Offset))
                        return (record.Offset, record);
        if (!ScheduledDesk.TryPlace(id, out var partition, out var offset) || partition != Number)
            return null;
        var position = await Ask(ReleaseLevel.Durable, (state, _, _) => state.Scheduled.TryFind(offset, out var frame) ? frame.Position : -1);
        return position >= 0 && await new ScheduledBatches(this).Find(offset, position) is { } found && ScheduledHeaders.IdOf(Number, found, offset) == id
            ? (offset, found)
            : null;
    }

    private Task<bool> IsPending(long offset) => Ask(ReleaseLevel.Decided, (state, _, _) => state.Scheduled.IsPending(offset));

    private ScheduledMessage Describe(long offset, in RecordView record)
    {
        var message = MessageCodec.Decode(Number, record) with { Position = new Position(Number, -1) };
        return new ScheduledMessage(ScheduledHeaders.IdOf(Number, record, offset), message.DeliverAt ?? DateTimeOffset.UnixEpoch, message);
    }

    private async ValueTask<RecordBatch> ScheduledBatch(long position)
    {
        try
        {
            return await _reader.ReadLaneBatch(position);
        }
        catch (Storage.LogTrimmedException)
        {
            throw new MqException(ErrorCodes.PartitionUnavailable, $"Partition {Number} of topic '{_topic.Name}': delayed messages were moved while they were read.", TimeSpan.FromSeconds(1));
        }
        catch (Storage.StorageException failure)
        {
            throw FailedToRead(failure);
        }
        catch (ObjectDisposedException)
        {
            throw Closing();
        }
    }

    /// <summary>Batches of delayed messages that were just read, each taken apart once.</summary>
    private sealed class ScheduledBatches(PartitionEngine engine)
    {
        private const int MaxBytes = 16 << 20;

        private readonly Dictionary<long, Dictionary<long, RecordView>> _batches = [];
        private int _bytes;

        /// <summary>The record at an offset of the frame at a position; null where it has none.</summary>
        public async ValueTask<RecordView?> Find(long offset, long position)
        {
            if (!_batches.TryGetValue(position, out var records))
            {
                var batch = await engine.ScheduledBatch(position);
                if ((_bytes += batch.Length) > MaxBytes)
                {
                    _batches.Clear();
                    _bytes = batch.Length;
                }

                _batches[position] = records = [];
                foreach (var record in batch.Records())
                    records[record.Offset] = record;
            }

            return records.TryGetValue(offset, out var found) ? found : null;
        }
    }
}
