using System.Buffers.Binary;
using OrleansMq.Core.Log;
using OrleansMq.Records;

namespace OrleansMq.Simulation.Tests;

/// <summary>Frames in bytes of a log, for bugs that look at them.</summary>
internal static class Frames
{
    public static List<(int At, FrameHeader Header)> In(ReadOnlySpan<byte> bytes)
    {
        var found = new List<(int, FrameHeader)>();
        for (var at = 0; at + FrameHeader.Size <= bytes.Length;)
        {
            if (!FrameHeader.TryRead(bytes[at..], out var header) || header.TotalLength > bytes.Length - at)
            {
                at += FrameHeader.Alignment;
                continue;
            }

            found.Add((at, header));
            at += header.TotalLength;
        }

        return found;
    }

    public static bool IsMarker(ReadOnlyMemory<byte> bytes, int at, in FrameHeader header) =>
        header.Kind == FrameKind.Batch && RecordBatch.TryRead(bytes.Slice(at + FrameHeader.Size, header.PayloadLength), out var batch) == BatchReadStatus.Done && batch.IsControl;

    /// <summary>The same bytes with every frame whole whose header is; null where all were.</summary>
    public static byte[]? Completed(byte[] bytes)
    {
        var completed = (byte[])bytes.Clone();
        var torn = false;
        for (var at = 0; at + FrameHeader.Size <= completed.Length;)
        {
            if (!FrameHeader.TryRead(completed.AsSpan(at), out var header))
            {
                at += FrameHeader.Alignment;
                continue;
            }

            if (at + header.TotalLength > completed.Length)
                Array.Resize(ref completed, at + header.TotalLength);
            if (!FrameCheck.Payload(header, completed.AsSpan(at + FrameHeader.Size, header.PayloadLength)))
            {
                Seal(completed, at, header);
                torn = true;
            }

            at += header.TotalLength;
        }

        return torn ? completed : null;
    }

    /// <summary>Makes the checksums of a frame fit what it holds.</summary>
    public static void Seal(Span<byte> bytes, int at, in FrameHeader header)
    {
        var payload = bytes.Slice(at + FrameHeader.Size, header.PayloadLength);
        var crc = Crc32C.Compute(payload);
        if (header.Kind == FrameKind.Batch && payload.Length > RecordBatch.HeaderSize)
            BinaryPrimitives.WriteUInt32BigEndian(payload[17..], crc = Crc32C.Compute(payload[21..]));
        (header with { PayloadCrc = crc }).Write(bytes[at..]);
    }
}
