using System.Text;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Compression.Tests;

/// <summary>What other programs packed is opened; what nobody packed is named, within the memory allowed.</summary>
public sealed class CodecTests
{
    static CodecTests() => CompressedRecords.Use();

    private static byte[] Of(CompressionCodec codec) => codec switch
    {
        CompressionCodec.Snappy => Golden.SnappyBatch(),
        CompressionCodec.Lz4 => Golden.Lz4Batch(),
        CompressionCodec.Zstd => Golden.ZstdBatch(),
        _ => Golden.GzipBatch(),
    };

    [Theory]
    [InlineData(CompressionCodec.Gzip)]
    [InlineData(CompressionCodec.Snappy)]
    [InlineData(CompressionCodec.Lz4)]
    [InlineData(CompressionCodec.Zstd)]
    public void ABatchOfAnotherClientIsOpened(CompressionCodec codec)
    {
        var batch = RecordBatch.ReadExactly(Of(codec));

        Assert.Equal((BatchFault.None, codec), (batch.Check(), batch.Codec));
        Assert.True(batch.TryValidateRecords(10_000, out _));
        var values = new List<string>();
        foreach (var record in batch.Records())
            values.Add($"{Encoding.UTF8.GetString(record.Key.Span)}: {Encoding.UTF8.GetString(record.Value.Span)}");
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"key-{i % 3}: the value of message number {i}, the value of message"), values);
        Assert.Equal(RecordBatch.ReadExactly(Golden.GzipBatch()).Decompress(10_000).Memory[61..].ToArray(), batch.Decompress(10_000).Memory[61..].ToArray());
    }

    [Fact]
    public void OneRawBlockOfSnappyIsOpened() => Assert.Equal(Records(), Opened(CompressionCodec.Snappy, Golden.RawSnappy()));

    [Fact]
    public void AFrameOfZstdThatDoesNotSayItsSizeIsOpened() => Assert.Equal(Records(), Opened(CompressionCodec.Zstd, Golden.StreamedZstd()));

    [Fact]
    public void BlocksOfLz4ThatReferToTheOnesBeforeAreOpened() =>
        Assert.Equal(string.Concat(Enumerable.Range(0, 14_000).Select(i => $"order {i % 50:000};")), Encoding.ASCII.GetString(Opened(CompressionCodec.Lz4, Golden.LinkedLz4())));

    [Fact]
    public void ABlockOfLz4ThatIsStoredAsItIsIsOpened() => Assert.Equal(Golden.StoredLz4Opened(), Opened(CompressionCodec.Lz4, Golden.StoredLz4()));

    [Theory]
    [InlineData(CompressionCodec.Snappy)]
    [InlineData(CompressionCodec.Lz4)]
    [InlineData(CompressionCodec.Zstd)]
    public void TheBoundIsExact(CompressionCodec codec)
    {
        var batch = RecordBatch.ReadExactly(Of(codec));
        var bytes = Records().Length;

        Assert.True(batch.TryValidateRecords(bytes, out _));
        Assert.False(batch.TryValidateRecords(bytes - 1, out var fault));
        Assert.Equal(BatchFault.TooLarge, fault);
        Assert.False(batch.TryValidateRecords(0, out fault));
        Assert.Equal(BatchFault.TooLarge, fault);
    }

    [Fact]
    public void LinkedBlocksOfLz4KeepTheBound()
    {
        Assert.Equal(BatchFault.None, Fault(CompressionCodec.Lz4, Golden.LinkedLz4(), 140_000));
        Assert.Equal(BatchFault.TooLarge, Fault(CompressionCodec.Lz4, Golden.LinkedLz4(), 139_999));
        Assert.Equal(BatchFault.TooLarge, Fault(CompressionCodec.Lz4, Golden.LinkedLz4(), 65_000));
    }

    [Theory]
    [InlineData(CompressionCodec.Snappy)]
    [InlineData(CompressionCodec.Lz4)]
    [InlineData(CompressionCodec.Zstd)]
    public void DamageIsNamedAndNeverThrowsAnythingElse(CompressionCodec codec)
    {
        var packed = Of(codec)[61..];
        for (var at = 0; at < packed.Length; at++)
        {
            AssertNamed(codec, packed[..at]);
            foreach (var value in new byte[] { 0, 1, 0x7F, 0x80, 0xFF, (byte)(packed[at] ^ 1) })
            {
                var bytes = packed.ToArray();
                bytes[at] = value;
                AssertNamed(codec, bytes);
            }
        }

        AssertNamed(codec, "nothing that anybody packed"u8.ToArray());
    }

    [Theory]
    [InlineData(CompressionCodec.Snappy, "FFFFFFFF0700")] // says 2 GiB
    [InlineData(CompressionCodec.Snappy, "82534E41505059000000000100000001" + "00000005FFFFFF7F00")]
    [InlineData(CompressionCodec.Lz4, "04224D1868700000000000000001730400000010414141")] // blocks of 4 MiB
    [InlineData(CompressionCodec.Lz4, "04224D186070730000004000")] // a block longer than what follows
    [InlineData(CompressionCodec.Zstd, "28B52FFD00F8010000")] // a window of 3.75 TiB
    [InlineData(CompressionCodec.Zstd, "28B52FFDE0FFFFFFFFFFFFFF7F010000")] // says 8 EiB
    public void AClaimTakesNoMemory(CompressionCodec codec, string bytes)
    {
        var packed = Convert.FromHexString(bytes);
        Fault(codec, packed, 1 << 20);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var fault = Fault(codec, packed, 1 << 20);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.True(fault is BatchFault.Records or BatchFault.TooLarge);
        Assert.InRange(allocated, 0, 3 << 20);
    }

    private static byte[] Records() => RecordBatch.ReadExactly(Golden.GzipBatch()).Decompress(10_000).Memory[61..].ToArray();

    private static byte[] Opened(CompressionCodec codec, byte[] packed) => With(codec, packed).Decompress(1 << 20).Memory[61..].ToArray();

    private static BatchFault Fault(CompressionCodec codec, byte[] packed, int maxBytes)
    {
        // Only whether they inflate counts here, not what comes out.
        With(codec, packed).TryValidateRecords(maxBytes, out var fault);
        return fault == BatchFault.Records && Inflates(codec, packed, maxBytes) ? BatchFault.None : fault;
    }

    private static bool Inflates(CompressionCodec codec, byte[] packed, int maxBytes)
    {
        try
        {
            With(codec, packed).Decompress(maxBytes);
            return true;
        }
        catch (MalformedBatchException)
        {
            return false;
        }
    }

    private static void AssertNamed(CompressionCodec codec, byte[] packed)
    {
        var sound = With(codec, packed).TryValidateRecords(1 << 20, out var fault);
        Assert.True(sound || fault is BatchFault.Records or BatchFault.TooLarge);
    }

    /// <summary>The header of the golden batch over these bytes. Nobody looks at its CRC here.</summary>
    private static RecordBatch With(CompressionCodec codec, byte[] packed)
    {
        byte[] bytes = [.. Of(codec)[..61], .. packed];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(8), bytes.Length - 12);
        return RecordBatch.ReadExactly(bytes);
    }
}
