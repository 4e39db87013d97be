using System.Buffers;
using System.Buffers.Binary;
using OrleansMq.Core.Compaction;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Partitions;

/// <summary>Some segments, one after another, on their way to be one: the frames that stay, close together, and a gap to where the last one ended.</summary>
internal sealed class SegmentRewriting : IAsyncDisposable
{
    private const int ChunkBytes = 1 << 20;

    private readonly IPartitionLog _log;
    private readonly Compacting _pass;
    private readonly ArrayBufferWriter<byte> _frames = new(64 << 10);
    private readonly long _goneBefore;
    private ILogRewriting? _rewriting;
    private long _handedOn;
    private long _takenBytes;
    private long _newestMs;

    public SegmentRewriting(IPartitionLog log, Compacting pass, long start)
    {
        (_log, _pass, _goneBefore) = (log, pass, pass.Gone);
        Start = End = _handedOn = start;
    }

    /// <summary>Where the first of them begins.</summary>
    public long Start { get; }

    /// <summary>Where the last of them ends.</summary>
    public long End { get; private set; }

    public int Segments { get; private set; }

    /// <summary>Of the frames that stay.</summary>
    public long Bytes => Position - Start;

    /// <summary>What stays and a gap behind it fit where the segments were.</summary>
    public bool HasRoom => End - Position >= FrameHeader.Size;

    private long Position => _handedOn + _frames.WrittenCount;

    /// <summary>Where no message goes, it must be for an eighth of the space, or for so many segments. Where one does it must be, for later messages may go because it did.</summary>
    public bool IsWorthIt(int manySegments) => _pass.Gone > _goneBefore || (_takenBytes - Bytes) * 8 > _takenBytes || Segments >= manySegments;

    /// <summary>Takes the next segment, which ends at a position.</summary>
    /// <param name="goesOn">Asked before each frame.</param>
    public async Task Take(long end, Func<bool> goesOn)
    {
        _rewriting ??= await _log.Rewrite(Start);
        await FrameWalk.WalkWhile(_log, End, end, (header, payload) => goesOn() ? Take(header, payload) : new ValueTask<bool>(false));
        (End, Segments) = (end, Segments + 1);
    }

    /// <summary>Makes the content durable; readers still see the old.</summary>
    /// <param name="nextOffset">Of the first message behind the segments.</param>
    public async Task Seal(long nextOffset)
    {
        var gap = new FrameHeader
        {
            Kind = FrameKind.Gap,
            PayloadLength = (int)(End - Position - FrameHeader.Size),
            PayloadCrc = 0,
            Partition = _log.Id.Partition,
            Incarnation = _log.Incarnation,
            TopicId = _log.Id.TopicId,
            Position = Position,
            DurablePosition = Position,
            BaseOffset = nextOffset,
            AppendedAt = _newestMs,
            Epoch = _log.Epoch,
            ProducerId = -1,
            ProducerEpoch = -1,
            BaseSequence = -1,
        };
        gap.Write(_frames.GetSpan(FrameHeader.Size));
        _frames.Advance(FrameHeader.Size);
        await HandOn();
        await _rewriting!.Seal(End);
    }

    public ValueTask Place() => _rewriting!.Place();

    public ValueTask DisposeAsync() => _rewriting?.DisposeAsync() ?? default;

    private async ValueTask<bool> Take(FrameHeader header, ReadOnlyMemory<byte> payload)
    {
        _takenBytes += header.TotalLength;
        _newestMs = Math.Max(_newestMs, header.AppendedAt);
        switch (_pass.Judge(header, payload, out var thinned))
        {
            case Fate.Keep:
                Add(header, payload.Span);
                break;
            case Fate.Thin:
                Add(header, thinned.Span);
                break;
        }

        if (_frames.WrittenCount >= ChunkBytes)
            await HandOn();
        return true;
    }

    /// <summary>The same frame elsewhere: time, epoch, flags and the producer's sequence are what they were.</summary>
    private void Add(in FrameHeader header, ReadOnlySpan<byte> batch)
    {
        var moved = header with { Position = Position, PayloadLength = batch.Length, PayloadCrc = BinaryPrimitives.ReadUInt32BigEndian(batch[17..]) };
        var frame = _frames.GetSpan(moved.TotalLength)[..moved.TotalLength];
        moved.Write(frame);
        batch.CopyTo(frame[FrameHeader.Size..]);
        frame[(FrameHeader.Size + batch.Length)..].Clear();
        _frames.Advance(moved.TotalLength);
    }

    private async ValueTask HandOn()
    {
        await _rewriting!.Write(_frames.WrittenMemory);
        _handedOn += _frames.WrittenCount;
        _frames.ResetWrittenCount();
    }
}
