using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>Frames of a log for tests.</summary>
internal static class FrameBytes
{
    public static byte[] Entries(LogIdentity log, long position, long durable, int payloadLength)
    {
        var payload = new byte[payloadLength];
        new Random((int)position).NextBytes(payload);
        var header = new FrameHeader
        {
            Kind = FrameKind.Entries,
            PayloadLength = payloadLength,
            PayloadCrc = Crc32C.Compute(payload),
            Partition = log.Partition,
            Incarnation = log.Incarnation,
            TopicId = log.TopicId,
            Position = position,
            DurablePosition = durable,
            BaseOffset = 0,
            AppendedAt = 0,
            Epoch = 1,
        };
        var frame = new byte[header.TotalLength];
        header.Write(frame);
        payload.CopyTo(frame, FrameHeader.Size);
        return frame;
    }

    public static LogIdentity IdentityOf(IPartitionLog log) => new(log.Incarnation, log.Id.TopicId, log.Id.Partition);

    /// <summary>Appends frames, each flushed and knowing that the one before is durable.</summary>
    public static async Task AppendFlushed(this IPartitionLog log, int count, int payloadLength = 200)
    {
        for (var n = 0; n < count; n++)
            await log.Append(Entries(IdentityOf(log), log.End, log.End, payloadLength), true);
    }
}
