using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>The log that lives as long as the story.</summary>
internal sealed partial class StorageStory
{
    // Its bytes from 0 on as they were appended, and what is acknowledged.
    private byte[] _bytes = [];
    private bool _created;
    private long _durable;
    private int _epoch;
    private long _startAtLeast;
    private long _startAtMost;
    private long _snapshotAcknowledged = -1;

    // A rewriting that did not end: the old bytes are there or these.
    private (long From, byte[] Bytes)? _rewritten;

    private readonly Dictionary<long, byte[]> _snapshots = [];

    private async Task OpenMain()
    {
        for (var attempt = 1; ; attempt++)
        {
            if (attempt % 4 == 0)
                Restart();
            try
            {
                if (!_created)
                    await _storage!.CreateLog(Main, Definition);
                _created = true;
                _log = await _storage!.OpenLog(Main);
                break;
            }
            catch (Exception e) when (e is LogFailedException or LogFullException)
            {
                Failures++;
            }
        }
        Demand(_log.Epoch > _epoch, $"epoch {_log.Epoch} after {_epoch}");
        _epoch = _log.Epoch;
        try
        {
            await CompareMain();
        }
        catch (Exception e) when (e is LogFailedException or LogFullException)
        {
            Failures++;
            await OpenMain();
        }
    }

    private async Task CompareMain()
    {
        var log = _log!;
        Demand(log.Start >= _startAtLeast && log.Start <= _startAtMost, $"start {log.Start} not in {_startAtLeast}..{_startAtMost}");
        Demand(log.End >= _durable, $"end {log.End} below acknowledged {_durable}");
        var bytes = new byte[log.End - log.Start];
        for (var count = 0; count < bytes.Length; )
            count += await log.Read(log.Start + count, bytes.AsMemory(count)) is > 0 and var got ? got : throw new PromiseBrokenException("read ends early");
        var identity = new LogIdentity(log.Incarnation, Main.TopicId, Main.Partition);
        var tail = FrameScan.Walk((position, destination) => CopyFrom(bytes, position - log.Start, destination), log.Start, log.End, log.Segments[^1], identity);
        Demand(tail.Kind != LogTailKind.Damaged, $"damaged at {tail.Position}, acknowledged {_durable}, end {log.End}");
        Demand(tail.Position >= _durable, $"whole frames end at {tail.Position}, acknowledged {_durable}");
        Demand(tail.Position <= _bytes.Length, $"frames up to {tail.Position} from nowhere, appended {_bytes.Length}");
        if (_rewritten is var (at, content) && at >= log.Start && bytes.AsSpan((int)(at - log.Start), content.Length).SequenceEqual(content))
            content.CopyTo(_bytes, at);
        _rewritten = null;
        Demand(bytes.AsSpan(0, (int)(tail.Position - log.Start)).SequenceEqual(_bytes.AsSpan((int)log.Start, (int)(tail.Position - log.Start))), "other bytes than appended");
        CompareSnapshot(log.Snapshot);
        if (tail.Position < log.End)
            await log.Cut(tail.Position);
        Demand(log.End == tail.Position, "cut");
        _bytes = _bytes[..(int)tail.Position];
        _durable = tail.Position;
        _startAtLeast = _startAtMost = log.Start;
    }

    private void CompareSnapshot(LogSnapshot? snapshot)
    {
        if (snapshot is null)
        {
            Demand(_snapshotAcknowledged < 0, $"snapshot {_snapshotAcknowledged} is gone");
            return;
        }
        Demand(snapshot.Position >= _snapshotAcknowledged, $"snapshot {snapshot.Position} is older than {_snapshotAcknowledged}");
        Demand(snapshot.State.Span.SequenceEqual(_snapshots[snapshot.Position]), $"snapshot {snapshot.Position} differs");
        _snapshotAcknowledged = snapshot.Position;
    }

    private async Task Append(bool flush)
    {
        var frames = Frames(_random.Next(1, 4));
        var before = _log!.End;
        Demand(before == _bytes.Length, $"end {before}, model {_bytes.Length}");
        _bytes = [.. _bytes, .. frames];
        try
        {
            await _log.Append(frames, flush);
        }
        catch (LogFullException)
        {
            Demand(_log.End == before, "a refused append moved the end");
            _bytes = _bytes[..(int)before];
            throw;
        }
        catch (LogFailedException)
        {
            await DemandDead(_log);
            throw;
        }
        if (flush)
            _durable = _bytes.Length;
    }

    private async Task Flush()
    {
        await _log!.Flush();
        _durable = _bytes.Length;
    }

    private Task Roll()
    {
        _log!.Roll();
        return Task.CompletedTask;
    }

    private async Task Snapshot()
    {
        var position = _durable;
        var state = new byte[_random.Next(3000)];
        _random.NextBytes(state);
        // One at a position: which of two was stored could not be told.
        if (!_snapshots.TryAdd(position, state))
            return;
        await _log!.SaveSnapshot(position, state);
        _snapshotAcknowledged = position;
    }

    private async Task Trim()
    {
        if (_snapshotAcknowledged < 0)
            return;
        _startAtMost = _log!.Segments.Last(first => first <= _snapshotAcknowledged);
        await _log.TrimBefore(_snapshotAcknowledged);
        _startAtLeast = _startAtMost = _log.Start;
    }

    /// <summary>Some frames of full segments go; a gap is behind those that stay.</summary>
    private async Task Rewrite()
    {
        var segments = _log!.Segments;
        if (segments.Count < 2)
            return;
        var first = _random.Next(segments.Count - 1);
        var (from, to) = (segments[first], segments[_random.Next(first + 1, segments.Count)]);
        var content = Thinned(from, to, out var stored);
        if (content is null)
            return;
        await using var rewriting = await _log.Rewrite(from);
        var cut = _random.Next(stored);
        await rewriting.Write(content.AsMemory(0, cut));
        await rewriting.Write(content.AsMemory(cut, stored - cut));
        await rewriting.Seal(to);
        if (_random.Next(4) == 0)
            return;
        _rewritten = (from, content);
        try
        {
            await rewriting.Place();
        }
        catch (LogFullException)
        {
            _rewritten = null;
            throw;
        }
        content.CopyTo(_bytes, from);
        _rewritten = null;
        Rewritings++;
        var read = new byte[to - from];
        for (var count = 0; count < read.Length;)
            count += await _log.Read(from + count, read.AsMemory(count));
        Demand(read.AsSpan().SequenceEqual(content), $"what was rewritten from {from} to {to} reads otherwise");
    }

    private byte[]? Thinned(long from, long to, out int stored)
    {
        var identity = new LogIdentity(_log!.Incarnation, Main.TopicId, Main.Partition);
        var kept = new List<byte>();
        FrameScan.Walk((position, destination) => CopyFrom(_bytes, position, destination), from, to, to, identity, (in FrameHeader header, ReadOnlySpan<byte> payload) =>
        {
            if (header.Kind == FrameKind.Gap || _random.Next(2) == 0)
                return;
            var moved = header with { Position = from + kept.Count };
            var frame = new byte[moved.TotalLength];
            moved.Write(frame);
            payload.CopyTo(frame.AsSpan(FrameHeader.Size));
            kept.AddRange(frame);
        });
        stored = kept.Count + FrameHeader.Size;
        if (stored > to - from)
            return null;
        var content = new byte[to - from];
        kept.CopyTo(content);
        new FrameHeader
        {
            Kind = FrameKind.Gap,
            PayloadLength = (int)(to - from - stored),
            PayloadCrc = 0,
            Partition = Main.Partition,
            Incarnation = _log.Incarnation,
            TopicId = Main.TopicId,
            Position = from + kept.Count,
            DurablePosition = 0,
            BaseOffset = 0,
            AppendedAt = 0,
            Epoch = _log.Epoch,
        }.Write(content.AsSpan(kept.Count));
        return content;
    }

    private static async Task DemandDead(IPartitionLog log)
    {
        foreach (var call in new Func<ValueTask>[] { () => log.Append(new byte[8], false), () => log.Append(new byte[8], true), log.Flush })
        {
            try
            {
                await call();
            }
            catch (LogFailedException)
            {
                continue;
            }
            throw new PromiseBrokenException("a failed log went on");
        }
    }

    private byte[] Frames(int count)
    {
        var frames = Array.Empty<byte>();
        for (var n = 0; n < count; n++)
        {
            var payload = new byte[_random.Next(1500)];
            _random.NextBytes(payload);
            var header = new FrameHeader
            {
                Kind = FrameKind.Entries,
                PayloadLength = payload.Length,
                PayloadCrc = Crc32C.Compute(payload),
                Partition = Main.Partition,
                Incarnation = _log!.Incarnation,
                TopicId = Main.TopicId,
                Position = _bytes.Length + frames.Length,
                DurablePosition = _durable,
                BaseOffset = 0,
                AppendedAt = 0,
                Epoch = _log.Epoch,
            };
            var frame = new byte[header.TotalLength];
            header.Write(frame);
            payload.CopyTo(frame, FrameHeader.Size);
            frames = [.. frames, .. frame];
        }
        return frames;
    }

    private static int CopyFrom(byte[] bytes, long offset, Span<byte> destination)
    {
        var count = (int)Math.Min(bytes.Length - offset, destination.Length);
        bytes.AsSpan((int)offset, count).CopyTo(destination);
        return count;
    }
}
