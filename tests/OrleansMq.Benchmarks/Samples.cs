using OrleansMq.Records;

namespace OrleansMq.Benchmarks;

/// <summary>What benchmarks work on: always the same bytes.</summary>
internal static class Samples
{
    /// <summary>Messages of a batch, and bytes of a body, where a benchmark does not say otherwise.</summary>
    public const int Messages = 100;
    public const int BodyBytes = 100;

    public static byte[] Body(int bytes = BodyBytes)
    {
        var body = new byte[bytes];
        new Random(1).NextBytes(body);
        return body;
    }

    public static void Fill(RecordBatchBuilder builder, int messages, ReadOnlySpan<byte> body)
    {
        for (var i = 0; i < messages; i++)
            builder.Append(1_700_000_000_000 + i, default, false, body, true);
    }

    public static byte[] Batch(int messages = Messages)
    {
        var builder = new RecordBatchBuilder(64 << 10);
        Fill(builder, messages, Body());
        return builder.ToArray();
    }
}
