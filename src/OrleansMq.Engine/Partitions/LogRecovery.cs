using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Partitions;

/// <summary>What opening a log found.</summary>
/// <param name="ReplayedFrames">Frames behind the snapshot.</param>
/// <param name="TornBytes">Bytes of a torn tail that were cut; 0 when it ended clean.</param>
/// <param name="CutAt">Where it was cut, or where the log ends.</param>
public sealed record RecoveryReport(LogId Log, long ReplayedFrames, long TornBytes, long CutAt);

/// <summary>Brings a partition's state back: the newest snapshot, and the frames behind it, each checked.</summary>
internal static class LogRecovery
{
    private const int ChunkBytes = 1 << 20;

    /// <exception cref="LogDamagedException">Bytes that were durable do not read back as written.</exception>
    public static async ValueTask<(Partition State, RecoveryReport Report)> Replay(IPartitionLog log, LogSnapshot? snapshot, PartitionLimits limits, OffsetIndex index)
    {
        if (snapshot is null && log.Start > 0)
            throw new LogDamagedException(
                $"Topic {log.Id.TopicId:N}, partition {log.Id.Partition}: the log begins at {log.Start} and no snapshot of what was before can be read. Run 'mq doctor' on the data folder.");
        var identity = new LogIdentity(log.Incarnation, log.Id.TopicId, log.Id.Partition);
        var state = snapshot is not null ? Partition.Load(identity, limits, snapshot.State.Span, snapshot.Position) : new Partition(identity, limits, log.Start);
        var position = state.Position;
        using var buffer = new LentBuffer(ChunkBytes);
        var (filled, at, frames) = (0, 0, 0L);
        while (true)
        {
            var verdict = FrameScan.At(buffer.Span[at..filled], position, identity, out var header);
            if (verdict == FrameVerdict.Whole)
            {
                state.Apply(header, header.Kind == FrameKind.Gap ? default : buffer.Memory.Slice(at + FrameHeader.Size, header.PayloadLength));
                index.Add(header);
                // What a gap is made of need not be there.
                (position, at, frames) = (header.NextPosition, header.TotalLength <= filled - at ? at + header.TotalLength : filled, frames + 1);
                continue;
            }

            // Perhaps only the chunk ends here: bring the rest to the front and read on.
            buffer.Span[at..filled].CopyTo(buffer.Span);
            (filled, at) = (filled - at, 0);
            if (verdict == FrameVerdict.Incomplete && header.TotalLength > buffer.Length && header.NextPosition <= log.End)
                buffer.Grow(header.TotalLength);
            var read = await Fill(log, position + filled, buffer.Memory[filled..]);
            if (read == 0)
                break;
            filled += read;
            if (filled >= FrameHeader.Size && FrameScan.At(buffer.Span[..filled], position, identity, out _) == FrameVerdict.Bad)
                break;
        }

        var torn = log.End - position;
        if (torn > 0)
        {
            await RefuseDamage(log, identity, position);
            await log.Cut(position);
        }

        return (state, new RecoveryReport(log.Id, frames, torn, position));
    }

    private static async ValueTask<int> Fill(IPartitionLog log, long position, Memory<byte> destination)
    {
        var filled = 0;
        while (filled < destination.Length && position + filled < log.End)
        {
            var read = await log.Read(position + filled, destination[filled..]);
            if (read == 0)
                break;
            filled += read;
        }

        return filled;
    }

    /// <summary>A bad place is damage, not a torn tail, if something behind it proves that it was durable once, or a snapshot was taken there, which need not read back.</summary>
    private static async ValueTask RefuseDamage(IPartitionLog log, LogIdentity identity, long bad)
    {
        var damaged = log.Segments[^1] > bad || log.KnownDurable > bad;
        using var buffer = new LentBuffer(ChunkBytes);
        for (var from = bad; !damaged && from < log.End;)
        {
            var filled = await Fill(log, from, buffer.Memory);
            damaged = FrameScan.AnyDurableBeyond(buffer.Span[..filled], from, bad, identity);
            if (filled <= FrameHeader.Size)
                break;
            from += filled - FrameHeader.Size;
        }

        if (damaged)
            throw new LogDamagedException(
                $"Topic {log.Id.TopicId:N}, partition {log.Id.Partition}: the bytes at position {bad} were durable and are no frame. Run 'mq doctor' on the data folder.");
    }
}
