using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Partitions;

/// <summary>Reads frames of a log one after another, each checked, beside the turns.</summary>
internal static class FrameWalk
{
    private const int ChunkBytes = 1 << 20;

    /// <param name="from">Where a frame begins.</param>
    /// <param name="end">Where one ends.</param>
    /// <param name="visit">Borrows the payload for the call. Sees no gaps.</param>
    /// <exception cref="LogDamagedException">A frame does not read back as written.</exception>
    public static ValueTask Walk(IPartitionLog log, long from, long end, Action<FrameHeader, ReadOnlyMemory<byte>> visit) => WalkWhile(log, from, end, (header, payload) =>
    {
        visit(header, payload);
        return new ValueTask<bool>(true);
    });

    /// <inheritdoc cref="Walk"/>
    /// <param name="visit">As there, until its answer is there. False: no more.</param>
    public static async ValueTask WalkWhile(IPartitionLog log, long from, long end, Func<FrameHeader, ReadOnlyMemory<byte>, ValueTask<bool>> visit)
    {
        var identity = new LogIdentity(log.Incarnation, log.Id.TopicId, log.Id.Partition);
        using var buffer = new LentBuffer(ChunkBytes);
        var (position, filled, at) = (from, 0, 0);
        while (position < end)
        {
            var verdict = FrameScan.At(buffer.Span[at..filled], position, identity, out var header);
            if (verdict == FrameVerdict.Whole)
            {
                // Of a gap nothing but the header need be there.
                if (header.Kind != FrameKind.Gap && !await visit(header, buffer.Memory.Slice(at + FrameHeader.Size, header.PayloadLength)))
                    return;
                (position, at) = (header.NextPosition, header.TotalLength <= filled - at ? at + header.TotalLength : filled);
                continue;
            }

            buffer.Span[at..filled].CopyTo(buffer.Span);
            (filled, at) = (filled - at, 0);
            if (verdict == FrameVerdict.Incomplete && header.TotalLength > buffer.Length)
                buffer.Grow(header.TotalLength);
            var read = await log.Read(position + filled, buffer.Memory[filled..]);
            if (read == 0 || (verdict == FrameVerdict.Bad && filled >= FrameHeader.Size))
                throw new LogDamagedException($"Topic {log.Id.TopicId:N}, partition {log.Id.Partition}: the frame at position {position} does not read back as written. Run 'mq doctor' on the data folder.");
            filled += read;
            // What is in memory is read without a pause: others have their turn too.
            await Task.Yield();
        }
    }
}
