using System.Buffers.Binary;
using OrleansMq.Conformance;
using OrleansMq.Gateways.Kafka.Protocol;
using OrleansMq.Records;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>What one takes beyond its quotas is answered with the time to wait, and nothing more of it is read meanwhile.</summary>
public sealed class ThrottleTests
{
    [Fact]
    public async Task RequestsBeyondTheQuotaAreAnsweredWithTheTimeToWaitAndTheNextIsReadWhenItIsOver()
    {
        await using var guarded = await Guarded.Start();
        using var client = await guarded.Connect();
        await client.ComeIn();
        await guarded.Control.Directory.SetQuota(QuotaScope.User, "anna", QuotaKind.RequestsPerSecond, 2);
        foreach (var ms in new[] { 0, 0, 500 })
            Assert.Equal(ms, await Ask());

        var next = Ask();
        // What another connection asks is answered meanwhile: the wait is the flood's alone.
        using var other = await guarded.Connect();
        await other.ComeIn("admin", Access.Tests.Some.AdminPassword);
        Assert.Equal(KafkaError.None, await other.LookAtTopic());
        Assert.False(next.IsCompleted);
        await Eventually.Holds(() => guarded.Time.ArmedTimers > 0);
        guarded.Time.Advance(TimeSpan.FromMilliseconds(499));
        Assert.True(guarded.Time.ArmedTimers > 0);
        guarded.Time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(500, await next);

        async Task<int> Ask() => BinaryPrimitives.ReadInt32BigEndian((await client.Ask(Requests.Last(ApiKey.ListGroups).Frame())).AsSpan(5));
    }

    [Fact]
    public async Task WhoWaitsForItsQuotaHoldsNoneOfTheBytesThatAllShare()
    {
        const int all = 1 << 20;
        await using var guarded = await Guarded.Start(options => options with { MaxRequestBytes = all, MaxInFlightBytes = all });
        using var flood = await guarded.Connect();
        await flood.ComeIn();
        await guarded.Control.Directory.SetQuota(QuotaScope.User, "anna", QuotaKind.RequestsPerSecond, 1);
        for (var i = 0; i < 2; i++)
            await flood.Ask(Requests.Last(ApiKey.ListGroups).Frame());
        // Most of what all may have together; nobody takes it out of the socket for now.
        var flooding = flood.Send(Produce(900_000));
        await Eventually.Holds(() => guarded.Time.ArmedTimers > 0);

        using var other = await guarded.Connect();
        await other.ComeIn("admin", Access.Tests.Some.AdminPassword);
        await other.Ask(Produce(400_000));
        // Its bytes are given back once its answer is sent, and only then the next is.
        await other.LookAtTopic();

        Assert.Equal(1, (await guarded.Broker.DescribeTopic("t")).Partitions[0].End);
        guarded.Time.Advance(TimeSpan.FromMinutes(1));
        await flooding;
        Assert.NotNull(await flood.Receive());
    }

    /// <summary>Of one message so large.</summary>
    private static byte[] Produce(int bytes)
    {
        var batch = new RecordBatchBuilder(bytes + 100);
        batch.Append(0, default, false, new byte[bytes], true);
        return Logins.FrameOf(ApiKey.Produce, 3, w =>
        {
            w.NullableString(null); w.Int16(-1); w.Int32(1000); w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Bytes(batch.Build().Span);
        });
    }

    [Fact]
    public async Task BytesOfBatchesCountAndTheirAnswerSaysSo()
    {
        await using var guarded = await Guarded.Start();
        await guarded.Allow(AccessOperations.Produce, ResourceKind.Topic, "t");
        using var client = await guarded.Connect();
        await client.ComeIn();
        await guarded.Control.Directory.SetQuota(QuotaScope.User, "anna", QuotaKind.BytesPerSecond, 100);

        var answer = await client.Ask(Requests.Last(ApiKey.Produce).Frame());

        // The throttle time is the last field but the tags.
        Assert.InRange(BinaryPrimitives.ReadInt32BigEndian(answer.AsSpan(answer.Length - 5)), 1, 10_000);
        Assert.Equal(1, (await guarded.Broker.DescribeTopic("t")).Partitions[0].End);
    }
}
