using System.Buffers;
using System.Buffers.Binary;

namespace OrleansMq.Gateways.Kafka.Protocol;

internal enum FrameStatus
{
    Incomplete = 0,
    Done = 1,
    Malformed = 2,
}

/// <summary>A request on the wire: its length as i32, and so many bytes.</summary>
internal static class FrameLength
{
    public const int Size = 4;

    /// <param name="minBytes">Of a request's header; a message of SASL may have none.</param>
    /// <param name="maxBytes">Of one request.</param>
    /// <param name="length">Of the request that follows the length.</param>
    public static FrameStatus TryRead(in ReadOnlySequence<byte> bytes, int minBytes, int maxBytes, out int length)
    {
        length = 0;
        if (bytes.Length < Size)
            return FrameStatus.Incomplete;
        Span<byte> head = stackalloc byte[Size];
        bytes.Slice(0, Size).CopyTo(head);
        length = BinaryPrimitives.ReadInt32BigEndian(head);
        return length < minBytes || length > maxBytes ? FrameStatus.Malformed : FrameStatus.Done;
    }
}
