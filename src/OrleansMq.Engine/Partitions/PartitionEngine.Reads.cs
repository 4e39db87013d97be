using OrleansMq.Engine.Storage;
using OrleansMq.Records;

namespace OrleansMq.Engine.Partitions;

/// <summary>How messages go out to readers: beside the turns, on what is visible.</summary>
public sealed partial class PartitionEngine
{
    private readonly Lock _waitersGate = new();
    private readonly HashSet<ReadWaiter> _waiters = [];

    public long Start => _visible.Start;

    /// <summary>The end of what readers may see.</summary>
    public long End => _visible.End;

    public long Bytes => _log.End - _log.Start;

    /// <exception cref="MqException">The offset lies outside, or the partition stopped.</exception>
    internal async ValueTask<BatchRead> ReadBatches(long offset, int maxBytes)
    {
        ThrowIfStopped();
        var seen = _visible;
        if (offset < seen.Start || offset > seen.End)
            throw OutOfRange(offset, seen.Start, seen.End);
        try
        {
            return await _reader.ReadBatches(offset, seen.End, seen.Position, maxBytes);
        }
        catch (LogTrimmedException)
        {
            throw OutOfRange(offset, _visible.Start, _visible.End);
        }
        catch (LogDamagedException damage)
        {
            throw FoundDamage(damage);
        }
    }

    /// <summary>Reads a group's dead letters as batches.</summary>
    internal async ValueTask<(RecordBatch? Batch, long Start, long End)> ReadDeadLetters(string group, long offset)
    {
        ThrowIfStopped();
        var (found, start, end) = await Ask(ReleaseLevel.Durable, (state, _, _) =>
        {
            var lane = state.FindGroup(new GroupName(group))?.DeadLetters;
            if (lane is null)
                return (null, 0L, 0L);
            return (lane.TryFindFrom(offset, out var item) ? item : (Core.Log.LaneIndex.Item?)null, lane.Start, lane.End);
        });
        if (offset > end)
            throw OutOfRange(offset, start, end);
        if (found is not { } item)
            return (null, start, end);
        // A frame may hold letters that are gone by now; only the one asked for goes out.
        var record = await LaneRecord(item.Offset, item.Position);
        var builder = new RecordBatchBuilder(record.Size + 128);
        builder.Append(record);
        return (RecordBatch.ReadExactly(builder.ToArray(item.Offset, Epoch)), start, end);
    }

    internal async ValueTask<RecordView> LaneRecord(long offset, long position)
    {
        try
        {
            return await _reader.ReadLaneRecord(offset, position) ?? throw new LogDamagedException($"Partition {Number} of topic '{_topic.Name}': the message {offset} is not in its frame at {position}.");
        }
        catch (LogDamagedException damage)
        {
            throw FoundDamage(damage);
        }
    }

    /// <summary>The record at an offset of the main lane, or null where it is gone.</summary>
    internal async ValueTask<RecordView?> MainRecord(long offset)
    {
        var seen = _visible;
        try
        {
            return offset < seen.Start ? null : await _reader.ReadRecord(offset, seen.End, seen.Position);
        }
        catch (LogTrimmedException)
        {
            return null;
        }
        catch (LogDamagedException damage)
        {
            throw FoundDamage(damage);
        }
    }

    public async ValueTask<long> FindOffset(StartAt at)
    {
        ThrowIfStopped();
        var seen = _visible;
        switch (at.Kind)
        {
            case StartKind.Earliest:
                return seen.Start;
            case StartKind.Latest:
                return seen.End;
            case StartKind.Offset:
                return Math.Clamp(at.Value, seen.Start, seen.End);
            default:
                try
                {
                    return await _reader.FindTime(at.Value, seen.Start, seen.End, seen.Position);
                }
                catch (LogDamagedException damage)
                {
                    throw FoundDamage(damage);
                }
        }
    }

    /// <summary>When the oldest message at or behind an offset was appended; null when there is none.</summary>
    internal async ValueTask<DateTimeOffset?> AppendedAt(long offset)
    {
        var record = offset < End ? await MainRecord(offset) : null;
        return record is { } found ? DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(0, found.Timestamp)) : null;
    }

    /// <summary>Registers a reader to be woken when readers may see more, or the partition stops.</summary>
    internal void AddWaiter(ReadWaiter waiter)
    {
        lock (_waitersGate)
            _waiters.Add(waiter);
    }

    internal void RemoveWaiter(ReadWaiter waiter)
    {
        lock (_waitersGate)
            _waiters.Remove(waiter);
    }

    private void WakeReaders()
    {
        lock (_waitersGate)
        {
            foreach (var waiter in _waiters)
                waiter.Wake();
        }
    }

    internal void ThrowIfStopped()
    {
        if (_stopped is { } error)
            throw Unavailable(error);
        if (_closing)
            throw Closing();
    }

    private MqException OutOfRange(long offset, long start, long end) =>
        new(ErrorCodes.OffsetOutOfRange, $"Partition {Number} of topic '{_topic.Name}' reaches from {start} to {end}; {offset} was asked.");
}

/// <summary>One waiting read; it may be registered with many partitions.</summary>
internal sealed class ReadWaiter
{
    private TaskCompletionSource _woken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Woken => _woken.Task;

    public void Wake() => Volatile.Read(ref _woken).TrySetResult();

    /// <summary>To be called before looking again, so that what comes while looking is not missed.</summary>
    public void Rearm()
    {
        if (_woken.Task.IsCompleted)
            Volatile.Write(ref _woken, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
    }
}
