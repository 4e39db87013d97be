using System.Buffers.Binary;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>What a client sends is whole, or it is refused; it never makes us hold more than a small multiple of itself.</summary>
public sealed class DecoderTests
{
    private static readonly string? Frames = Environment.GetEnvironmentVariable("MQ_FUZZ_FRAMES");

    [Fact]
    public void EveryKindServedHasASampleAndIsReadWhole()
    {
        Assert.Equal(Apis.All.Select(api => api.Key).Order(), Requests.All.Select(sample => sample.Key).Distinct().Order());
        Assert.All(Requests.All, sample => Assert.True(Requests.IsWhole(sample.Key, sample.Version, sample.Body), sample.ToString()));
    }

    [Fact]
    public void EveryTruncationIsRefused() => Assert.All(Requests.All, sample =>
    {
        for (var length = 0; length < sample.Body.Length; length++)
            Assert.False(Requests.IsWhole(sample.Key, sample.Version, sample.Body.AsMemory(0, length)), $"{sample} cut to {length}");
    });

    [Fact]
    public void EveryNumberInEveryPlaceIsReadOrRefusedAndHoldsLittle() => Assert.All(Requests.All, sample =>
    {
        foreach (var number in new[] { 0, 1, -1, int.MaxValue, int.MinValue, 0x01000000 })
        {
            for (var at = 0; at + 4 <= sample.Body.Length; at++)
            {
                var changed = sample.Body.ToArray();
                BinaryPrimitives.WriteInt32BigEndian(changed.AsSpan(at), number);
                var before = GC.GetAllocatedBytesForCurrentThread();
                Requests.IsWhole(sample.Key, sample.Version, changed);
                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16_384 + 64 * changed.Length);
            }
        }
    });

    [Fact]
    public void AllTopicsAreAskedForAsTheProtocolHasItAndAsLibrdkafkaDoes()
    {
        foreach (var body in new byte[][] { [0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0, 0] })
        {
            var reader = new KafkaReader(body, flexible: true);
            var request = MetadataRequest.Read(ref reader, 9);
            Assert.Equal((null, true, true), (request.Topics, request.MayCreate, reader.IsWhole));
        }
    }

    /// <summary>MQ_FUZZ_FRAMES=1000000 is the long run.</summary>
    [Fact]
    public void MutatedFramesAreReadOrRefused()
    {
        var count = Frames is null ? 20_000 : int.Parse(Frames, System.Globalization.CultureInfo.InvariantCulture);
        var random = new Random(20261125);
        for (var i = 0; i < count; i++)
        {
            var sample = Requests.All[random.Next(Requests.All.Count)];
            var body = sample.Body.ToArray();
            for (var changes = random.Next(1, 5); changes > 0 && body.Length > 0; changes--)
                body[random.Next(body.Length)] = (byte)random.Next(256);
            var api = Apis.All.Single(served => served.Key == sample.Key);
            Requests.IsWhole(sample.Key, (short)random.Next(api.Accepted, api.Max + 1), body.AsMemory(0, random.Next(body.Length + 1)));
        }
    }

    [Fact]
    public void EveryCodeHasAKafkaError()
    {
        var codes = typeof(ErrorCodes).GetFields().Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!);
        Assert.Empty(codes.Except(KafkaErrors.Table.Keys));
    }
}
