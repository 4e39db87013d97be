using System.Buffers.Binary;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>Bytes on a socket.</summary>
public sealed class ConnectionTests
{
    [Fact]
    public async Task UnknownVersionOfApiVersionsIsAnsweredInTheFormThatEveryClientReads()
    {
        await using var served = await Served.Start();
        using var client = await served.Connect();
        var answer = await client.Ask(new Requests.Sample(ApiKey.ApiVersions, 99, []).Frame());
        Assert.Equal(7, BinaryPrimitives.ReadInt32BigEndian(answer));
        Assert.Equal((short)KafkaError.UnsupportedVersion, BinaryPrimitives.ReadInt16BigEndian(answer.AsSpan(4)));
        Assert.Equal(Apis.All.Count, BinaryPrimitives.ReadInt32BigEndian(answer.AsSpan(6)));
    }

    [Fact]
    public async Task MalformedRequestClosesItsConnectionAndNoOther()
    {
        await using var served = await Served.Start();
        using var other = await served.Connect();
        using (var client = await served.Connect())
        {
            var frame = Requests.Last(ApiKey.Metadata).Frame();
            await client.Send(frame[..^1]);
            Assert.Null(await client.Receive());
        }
        using (var client = await served.Connect())
        {
            await client.SendRaw([0x7f, 0xff, 0xff, 0xff]);
            Assert.Null(await client.Receive());
        }
        Assert.NotNull(await other.Ask(Requests.Last(ApiKey.ApiVersions).Frame()));
    }

    [Fact]
    public async Task AnswersComeInTheOrderAsked()
    {
        await using var served = await Served.Start();
        await served.Broker.PutTopic("t", new TopicChange());
        using var client = await served.Connect();
        var produce = Requests.Last(ApiKey.Produce);
        var fetch = Requests.Last(ApiKey.Fetch);
        for (var i = 0; i < 50; i++)
            await client.Send((i % 2 == 0 ? produce : fetch).Frame(i));
        for (var i = 0; i < 50; i++)
            Assert.Equal(i, BinaryPrimitives.ReadInt32BigEndian((await client.Receive())!));
        Assert.Equal(25, (await served.Broker.DescribeTopic("t")).Partitions[0].End);
    }

    [Fact]
    public async Task SilentConnectionIsClosedWhenTheHandshakeIsLate()
    {
        await using var served = await Served.Start(new KafkaGatewayOptions { HeaderTimeout = TimeSpan.FromMilliseconds(200) });
        using var client = await served.Connect();
        Assert.Null(await client.Receive());
    }

    [Fact]
    public async Task MutatedFramesChangeNothingAndAnotherClientIsServedThroughout()
    {
        await using var served = await Served.Start(new KafkaGatewayOptions { CreateTopics = false });
        await served.Broker.PutTopic("canary", new TopicChange());
        using var canary = await served.Connect();
        var random = new Random(1);
        // Kinds that change something are left out where a mutation may still be a sound request.
        var samples = Requests.All.Where(sample => sample.Key is ApiKey.Fetch or ApiKey.ListOffsets or ApiKey.Metadata or ApiKey.OffsetFetch or ApiKey.DescribeConfigs or ApiKey.ApiVersions).ToList();
        for (var i = 0; i < 200; i++)
        {
            using var client = await served.Connect();
            var frame = samples[random.Next(samples.Count)].Frame();
            frame[random.Next(RequestHeader.FixedSize, frame.Length)] = (byte)random.Next(256);
            await client.Send(frame);
            client.Finish();
            while (await client.Receive() is not null)
            {
            }
            await canary.Ask(Logins.FrameOf(ApiKey.Produce, 3, writer =>
            {
                writer.NullableString(null); writer.Int16(-1); writer.Int32(1000); writer.Count(1); writer.String("canary"); writer.Count(1); writer.Int32(0); writer.Bytes(Requests.Batch());
            }));
        }
        // All of the canary's on its one connection, and nothing of anybody else's.
        Assert.Equal(200, (await served.Broker.DescribeTopic("canary")).Partitions[0].End);
        Assert.Equal(["canary"], (await served.Broker.ListTopics()).Items.Select(topic => topic.Text));
    }
}
