using System.Text;
using Microsoft.Extensions.Logging;
using OrleansMq.Records;

namespace OrleansMq.Streaming;

/// <summary>Reading: at the head for all who are live, and apart for those who are behind.</summary>
internal sealed partial class PartitionFeed
{
    private static readonly TimeSpan ReadWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ReadRetryDelay = TimeSpan.FromSeconds(1);
    private const long RoomWhenFull = 64 << 10;

    // The next offset to be read at the head. Whoever is live has been given everything below.
    private long _head;

    private Task<ReadResult>? _headRead;
    private Task<ReadResult>? _behindRead;
    // Negative: what is being read is of a log that is gone.
    private long _headFrom;
    private long _behindFrom;
    private StreamLog _log = new(Guid.Empty, 0);
    private readonly HashSet<StreamCursor> _behind = [];
    private long _readAgainAt;
    private long _nextSpill;

    private IEnumerable<Task> Reading
    {
        get
        {
            if (_headRead is not null)
                yield return _headRead;
            if (_behindRead is not null)
                yield return _behindRead;
        }
    }

    /// <summary>A cursor has nothing left. If it is behind it is read for; a live one is told when something comes.</summary>
    public void RanDry(StreamCursor cursor)
    {
        if (!cursor.IsLive && _behindRead is null)
            _stirred.TrySetResult();
    }

    private void StartReading()
    {
        if (Now < _readAgainAt)
            return;
        if (IsFull)
            SpillStalled();
        if (!IsFull)
            StartHeadRead();
        if (_behindRead is null && NextBehind() is { } cursor)
        {
            _behindFrom = cursor.To;
            _behindRead = Read(_behindFrom, TimeSpan.Zero);
        }
    }

    private void StartHeadRead()
    {
        if (_headRead is not null)
            return;
        _headFrom = _head;
        _headRead = Read(_head, ReadWait);
    }

    private Task<ReadResult> Read(long offset, TimeSpan wait) => _topic.Broker.Read(
        new ReadRequest
        {
            Partitions = [new PartitionCursor(_topic.Name, _partition, offset, Options.ReadBytes, _topicId)],
            MaxBytes = Options.ReadBytes,
            Wait = wait,
            Isolation = Isolation.Committed,
        },
        _closing.Token).AsTask();

    /// <summary>Who has waited longest of those who are behind and have room.</summary>
    private StreamCursor? NextBehind()
    {
        StreamCursor? next = null;
        foreach (var cursor in _behind)
            if (Wants(cursor) && (next is null || cursor.LastServed < next.LastServed || (cursor.LastServed == next.LastServed && cursor.To < next.To)))
                next = cursor;
        return next;
    }

    private bool Wants(StreamCursor cursor) => IsFull ? cursor.Count == 0 : cursor.Bytes < Options.SubscriptionCacheBytes / 2;

    private void TakeWhatWasRead()
    {
        if (_behindRead is { IsCompleted: true } behind)
        {
            _behindRead = null;
            if (_behindFrom >= 0)
                Take(behind, _behindFrom, TakeBehind);
            else if (behind.IsCompletedSuccessfully)
                behind.Result.Dispose();
        }

        if (_headRead is { IsCompleted: true } head)
        {
            _headRead = null;
            if (_headFrom == _head)
                Take(head, _head, TakeAtHead);
            else if (head.IsCompletedSuccessfully)
                head.Result.Dispose();
        }
    }

    private void Take(Task<ReadResult> done, long from, Action<PartitionRead, long> take)
    {
        if (!done.IsCompletedSuccessfully)
        {
            if (!_isClosed)
                ReadFailed(from, done.Exception?.InnerException ?? new OperationCanceledException());
            return;
        }

        using var result = done.Result;
        var read = result.Partitions[0];
        if (read.Error is { } error)
        {
            ReadFailed(from, new MqException(error));
            return;
        }

        try
        {
            take(read, from);
        }
        catch (MalformedBatchException damaged)
        {
            ReadFailed(from, damaged);
        }
    }

    private void ReadFailed(long from, Exception why)
    {
        if (why is MqException { Code: ErrorCodes.OffsetOutOfRange })
        {
            _mustFindStart = true;
            return;
        }

        if (why is MqException { Code: ErrorCodes.TopicUnknown } && _topicId != Guid.Empty)
            _mustFindStart = _isTopicGone = true;

        _readAgainAt = Now + Ticks(ReadRetryDelay);
        _logger.LogWarning(why, "Partition {Partition} of {Topic} can't be read at {Offset} for streams of {Provider}; it is tried again", _partition, _topic.Name, from, _provider);
    }

    private void TakeAtHead(PartitionRead read, long from)
    {
        var committed = new CommittedBatches(read);
        foreach (var batch in new RecordBatchReader(read.Batches))
        {
            if (committed.Holds(batch) && TryOpen(batch, out var records))
            {
                var log = LogOf(batch);
                foreach (var record in records)
                {
                    if (record.Offset < from)
                        continue;
                    if (EntryOf(record.Key.Span) is { } entry)
                        TakeAtHead(entry, record, log);
                    else
                        StreamDiagnostics.Skip(_topic.Name, 1);
                    _head = record.Offset + 1;
                }
            }

            _head = Math.Max(_head, batch.LastOffset + 1);
        }

        if (_head > from)
            IsDirty = true;
    }

    private void TakeAtHead(StreamEntry entry, in RecordView record, StreamLog log)
    {
        entry.LastOffset = record.Offset;
        if (record.Offset < _floor && !WasBehind(entry, record.Offset))
            return;
        StreamEvent? each = null;
        if (entry.Cursors.Count == 0)
        {
            (entry.Fresh ??= []).Add(each = EventOf(record, log));
            _freshEntries.Add(entry);
        }

        foreach (var cursor in entry.Cursors)
        {
            if (cursor.IsLive && !cursor.TryAdd(each ??= EventOf(record, log), Options.SubscriptionCacheBytes))
            {
                (cursor.IsLive, cursor.To) = (false, record.Offset);
                _behind.Add(cursor);
                StreamDiagnostics.Spill(_topic.Name, 1);
            }
        }

        if (!_news.TryGetValue(entry, out var first) || first > record.Offset)
            _news[entry] = record.Offset;
    }

    private void TakeBehind(PartitionRead read, long from)
    {
        var end = from;
        var served = new HashSet<StreamCursor>();
        foreach (var cursor in _behind)
            if (cursor.To >= from && Wants(cursor))
                served.Add(cursor);
        var room = IsFull ? RoomWhenFull : Options.SubscriptionCacheBytes;
        var committed = new CommittedBatches(read);
        foreach (var batch in new RecordBatchReader(read.Batches))
        {
            if (batch.BaseOffset >= _head)
                break;
            if (committed.Holds(batch) && TryOpen(batch, out var records))
                foreach (var record in records)
                    if (record.Offset < _head && record.Offset >= from && TryFindEntry(record.Key.Span, out var entry))
                        TakeBehind(entry, record, LogOf(batch), served, room);
            end = Math.Min(batch.LastOffset + 1, _head);
        }

        foreach (var cursor in served)
        {
            if (cursor.To > end)
                continue;
            (cursor.To, cursor.LastServed) = (end, Now);
            if (cursor.Count > 0)
                Tell(cursor.Entry);
            Rejoin(cursor);
        }
    }

    private static void TakeBehind(StreamEntry entry, in RecordView record, StreamLog log, HashSet<StreamCursor> served, long room)
    {
        StreamEvent? each = null;
        foreach (var cursor in entry.Cursors)
        {
            if (record.Offset < cursor.To || !served.Contains(cursor))
                continue;
            if (cursor.TryAdd(each ??= EventOf(record, log), room))
                cursor.To = record.Offset + 1;
            else
                Refill(cursor, record.Offset, served);
        }
    }

    // Full: it goes on from this event another time.
    private static void Refill(StreamCursor cursor, long offset, HashSet<StreamCursor> served)
    {
        cursor.To = offset;
        served.Remove(cursor);
        cursor.Feed.Tell(cursor.Entry);
        cursor.LastServed = cursor.Feed.Now;
    }

    private void Rejoin(StreamCursor cursor)
    {
        if (cursor.To < _head && !cursor.Entry.HasNothingFrom(cursor.To))
            return;
        cursor.IsLive = true;
        _behind.Remove(cursor);
        IsDirty = true;
    }

    /// <summary>Makes room: whoever settles nothing gives back what waits for it.</summary>
    private void SpillStalled()
    {
        if (Now < _nextSpill)
            return;
        _nextSpill = Now + Ticks(Options.StallAfter / 10);
        var since = Now - Ticks(Options.StallAfter);
        long spilled = 0;
        foreach (var entry in Entries)
        {
            foreach (var cursor in entry.Cursors)
            {
                if (!cursor.IsBackingOff && cursor.LastProgress > since)
                    continue;
                var dropped = cursor.Spill();
                if (dropped == 0)
                    continue;
                spilled += dropped;
                _behind.Add(cursor);
            }
        }

        if (spilled > 0)
            StreamDiagnostics.Spill(_topic.Name, spilled);
    }

    private bool TryOpen(RecordBatch batch, out RecordEnumerator records)
    {
        records = default;
        if (batch.IsControl)
            return false;
        try
        {
            records = batch.Records();
            return true;
        }
        catch (CodecUnavailableException e)
        {
            StreamDiagnostics.Skip(_topic.Name, batch.Count);
            _logger.LogError(e, "{Count} messages of {Topic} at {Position} are compressed in a way that can't be opened here; they are skipped", batch.Count, _topic.Name, new Position(_partition, batch.BaseOffset));
            return false;
        }
    }

    /// <summary>One object for all events of an opening.</summary>
    private StreamLog LogOf(RecordBatch batch) =>
        _log.TopicId == _topicId && _log.Epoch == batch.PartitionLeaderEpoch ? _log : _log = new StreamLog(_topicId, batch.PartitionLeaderEpoch);

    private static StreamEvent EventOf(in RecordView record, StreamLog log)
    {
        var isOrleans = false;
        string? token = null, contentType = null;
        List<KeyValuePair<string, string>>? headers = null;
        if (record.Headers.Count > 0)
        {
            foreach (var header in record.Headers)
            {
                var name = header.KeyUtf8.Span;
                if (name.SequenceEqual(StreamHeaders.OrleansUtf8))
                    isOrleans = true;
                else if (name.SequenceEqual(ReservedHeaders.TokenUtf8))
                    token = Encoding.UTF8.GetString(header.Value.Span);
                else if (name.SequenceEqual(ReservedHeaders.ContentTypeUtf8))
                    contentType = Encoding.UTF8.GetString(header.Value.Span);
                else if (!ReservedHeaders.IsReserved(name))
                    (headers ??= []).Add(new(header.Key, Encoding.UTF8.GetString(header.Value.Span)));
            }
        }

        return new StreamEvent
        {
            Offset = record.Offset,
            TimestampMs = record.Timestamp,
            Body = record.Value.ToArray(),
            Headers = headers?.ToArray(),
            Token = token,
            ContentType = contentType,
            IsOrleans = isOrleans,
            Log = log,
        };
    }

    private async Task StopReading()
    {
        foreach (var read in (Task<ReadResult>?[])[_headRead, _behindRead])
        {
            if (read is null)
                continue;
            await ((Task)read).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            if (read.IsCompletedSuccessfully)
                read.Result.Dispose();
        }

        (_headRead, _behindRead) = (null, null);
    }
}
