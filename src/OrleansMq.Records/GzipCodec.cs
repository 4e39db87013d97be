using System.IO.Compression;
using System.Runtime.InteropServices;

namespace OrleansMq.Records;

internal sealed class GzipCodec : IRecordCodec
{
    public CompressionCodec Codec => CompressionCodec.Gzip;

    public BatchFault Inflate(ReadOnlyMemory<byte> packed, InflatedRecords into)
    {
        try
        {
            using var stream = new GZipStream(AsStream(packed), CompressionMode.Decompress);
            while (true)
            {
                if (into.Room.IsEmpty && !into.TryGrow(1))
                    return stream.ReadByte() < 0 ? BatchFault.None : BatchFault.TooLarge;
                int read = stream.Read(into.Room);
                if (read == 0)
                    return BatchFault.None;
                into.Advance(read);
            }
        }
        catch (InvalidDataException)
        {
            return BatchFault.Records;
        }
    }

    private static MemoryStream AsStream(ReadOnlyMemory<byte> bytes) => MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> array)
        ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
        : new MemoryStream(bytes.ToArray(), writable: false);
}
