using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Turns;
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

    /// <summary>Where the log begins.</summary>
    public long FirstPosition => _log.Start;

    public long Bytes => _log.StoredBytes;

    /// <exception cref="MqException">The offset lies outside, or the partition stopped.</exception>
    /// <param name="isolation">Committed: what is not decided yet is not read.</param>
    public async ValueTask<BatchRead> ReadBatches(long offset, int maxBytes, Isolation isolation = Isolation.Uncommitted)
    {
        ThrowIfStopped();
        var seen = _visible;
        if (offset < seen.Start || offset > seen.End)
            throw OutOfRange(offset, seen.Start, seen.End);
        try
        {
            var read = await _reader.ReadBatches(offset, isolation == Isolation.Committed ? seen.Stable : seen.End, seen.Position, maxBytes);
            return read.Seen(seen.End, seen.Stable, read.Batches.IsEmpty ? [] : AbortedWithin(seen.Aborted, offset, read.NextOffset));
        }
        catch (LogTrimmedException)
        {
            throw OutOfRange(offset, _visible.Start, _visible.End);
        }
        catch (StorageException failure)
        {
            throw FailedToRead(failure);
        }
        catch (ObjectDisposedException)
        {
            throw Closing();
        }
    }

    /// <summary>Reads a group's dead letters from an offset on, as batches: each letter that is still there is one.</summary>
    public async ValueTask<(byte[] Batches, long Start, long End)> ReadDeadLetters(GroupName group, long offset, int maxBytes)
    {
        ThrowIfStopped();
        var (start, end) = await DeadLetterRange(group);
        if (offset < 0 || offset > end)
            throw OutOfRange(offset, start, end);
        var batches = new MemoryStream();
        var builder = new RecordBatchBuilder(1024);
        while (batches.Length < maxBytes && await FindDeadLetterFrom(group, offset) is { } item)
        {
            builder.Reset();
            builder.Append(await LaneRecord(item.Offset, item.Position));
            if (batches.Length > 0 && batches.Length + builder.ByteCount > maxBytes)
                break;
            batches.Write(builder.Build(item.Offset, Epoch).Span);
            offset = item.Offset + 1;
        }

        return (batches.ToArray(), start, end);
    }

    /// <summary>First offset still there, and end, of a group's dead letters that are durable.</summary>
    public Task<(long Start, long End)> DeadLetterRange(GroupName group) =>
        Ask(ReleaseLevel.Durable, (state, _, _) => (Find(state, group).DeadLetters.Start, Find(state, group).DeadLetters.End));

    public async Task<long> FindDeadLetter(GroupName group, StartAt at)
    {
        var (start, end) = await DeadLetterRange(group);
        if (at.Kind != StartKind.Time)
            return at.Kind switch { StartKind.Earliest => start, StartKind.Latest => end, _ => Math.Clamp(at.Value, start, end) };
        for (var offset = start; await FindDeadLetterFrom(group, offset) is { } item; offset = item.Offset + 1)
        {
            var letter = MessageCodec.Decode(Number, await LaneRecord(item.Offset, item.Position));
            if (letter.DeadLetter is { } dead && dead.At.ToUnixTimeMilliseconds() >= at.Value)
                return item.Offset;
        }

        return end;
    }

    private Task<LaneIndex.Item?> FindDeadLetterFrom(GroupName group, long offset) => Ask(ReleaseLevel.Durable, (state, _, _) =>
        Find(state, group).DeadLetters.TryFindFrom(offset, out var item) ? item : (LaneIndex.Item?)null);

    internal async ValueTask<RecordView> LaneRecord(long offset, long position)
    {
        try
        {
            return await _reader.ReadLaneRecord(offset, position) ?? throw new LogDamagedException($"Partition {Number} of topic '{_topic.Name}': the message {offset} is not in its frame at {position}.");
        }
        catch (LogTrimmedException)
        {
            throw new MqException(ErrorCodes.OffsetOutOfRange, $"Partition {Number} of topic '{_topic.Name}': the message {offset} of a lane was taken away meanwhile.");
        }
        catch (StorageException failure)
        {
            throw FailedToRead(failure);
        }
        catch (ObjectDisposedException)
        {
            throw Closing();
        }
    }

    /// <summary>The record at an offset of the main lane, or null where it is gone.</summary>
    internal async ValueTask<RecordView?> MainRecord(long offset) => (await MainRecords([offset]))[0]?.Record;

    /// <summary>The records at some offsets of the main lane, ascending; null where one was removed, or is void.</summary>
    /// <param name="isVoid">Takes the offsets of those that are void, or were compacted.</param>
    internal async ValueTask<StoredRecord?[]> MainRecords(IReadOnlyList<long> offsets, HashSet<long>? isVoid = null)
    {
        var seen = _visible;
        var records = new StoredRecord?[offsets.Count];
        var gone = GoneOf(offsets);
        isVoid ??= [];
        try
        {
            (await _reader.ReadRecords([.. offsets.Skip(gone)], seen.End, seen.Position, (in RecordBatch batch) => IsVoid(batch, seen.Aborted), isVoid)).CopyTo(records, gone);
        }
        catch (LogTrimmedException)
        {
            // Removed while it was read: what is still there is read again.
            return await MainRecords(offsets, isVoid);
        }
        catch (StorageException failure)
        {
            throw FailedToRead(failure);
        }
        catch (ObjectDisposedException)
        {
            throw Closing();
        }

        for (var i = GoneOf(offsets); i < records.Length; i++)
            if (records[i] is null && offsets[i] < _visible.GapsEnd)
                isVoid.Add(offsets[i]);
            else if (records[i] is null && !isVoid.Contains(offsets[i]))
                throw FoundBug($"The message {offsets[i]} of partition {Number} of topic '{_topic.Name}' is not where the log says: {_visible}.");
        return records;

        int GoneOf(IReadOnlyList<long> all)
        {
            var start = Start;
            var count = 0;
            while (count < all.Count && all[count] < start)
                count++;
            return count;
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
                catch (LogTrimmedException)
                {
                    return await FindOffset(at);
                }
                catch (StorageException failure)
                {
                    throw FailedToRead(failure);
                }
                catch (ObjectDisposedException)
                {
                    throw Closing();
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
    public void AddWaiter(ReadWaiter waiter)
    {
        lock (_waitersGate)
            _waiters.Add(waiter);
        // What was written before it came is flushed for it as well.
        if (!_topic.ReadsUnflushed && Volatile.Read(ref _writtenGroup) > Volatile.Read(ref _durableGroup))
            Post(() => { });
    }

    public void RemoveWaiter(ReadWaiter waiter)
    {
        lock (_waitersGate)
            _waiters.Remove(waiter);
    }

    private bool HasWaiters
    {
        get
        {
            lock (_waitersGate)
                return _waiters.Count > 0;
        }
    }

    private void WakeReaders()
    {
        lock (_waitersGate)
        {
            foreach (var waiter in _waiters)
                waiter.Wake();
        }
    }

    public void ThrowIfStopped()
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
public sealed class ReadWaiter
{
    private Signal _woken = new();

    /// <summary>Waits for <see cref="Wake"/>, at most for a time.</summary>
    public Task<bool> Wait(TimeSpan atMost, TimeProvider time, CancellationToken cancel) => _woken.Wait(atMost, time, cancel);

    public void Wake() => Volatile.Read(ref _woken).Give();

    /// <summary>To be called before looking again, so that what comes while looking is not missed.</summary>
    public void Rearm()
    {
        if (_woken.IsOver)
            Volatile.Write(ref _woken, new Signal());
    }
}
