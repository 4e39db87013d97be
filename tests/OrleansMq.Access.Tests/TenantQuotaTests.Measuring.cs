using OrleansMq.Conformance.Broker;

namespace OrleansMq.Access.Tests;

/// <summary>How what is stored and delayed is measured: topics that do not answer, and who waits for it.</summary>
public sealed partial class TenantQuotaTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly Message Large = new() { Body = new byte[4_000] }, Small = Message.OfText("x"), Later = Small with { DeliverAfter = TimeSpan.FromHours(1) };

    /// <summary>4 kB in each of two topics, measured, of a quota that a third one fits into no more.</summary>
    private async Task TwoFullTopics()
    {
        foreach (var topic in new[] { "a", "b" })
        {
            await As(Ann).PutTopic(topic, new TopicChange());
            await As(Ann).Publish(topic, [Large]);
        }

        await Limit(QuotaKind.Storage, 10_000);
        await As(Ann).Publish("a", [Small]);
        _time.Advance(TenantUse.MeasureAgainEvery);
    }

    private GuardedBroker Seen(DescribeStory story) => _control.As(DescribedByHand.Around(_broker, story), Ann);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhatDoesNotAnswerCountsAsItLastWasAndRefusesNothingOfOthers(bool partition)
    {
        await TwoFullTopics();
        var away = new MqError(ErrorCodes.PartitionUnavailable, "It moves.");
        var seen = Seen(async (topic, describe) => topic != "_t.acme.a" ? await describe()
            : !partition ? throw new MqException(away.Code, "It moves.")
            : await describe() is var found ? found with { Partitions = [new PartitionDescription(0, "n", 0, 0, 0, away)] } : null!);
        await As(Ann).DeleteTopic("b");
        await As(Ann).PutTopic("b", new TopicChange());

        await seen.Publish("b", [Large]);

        _time.Advance(TenantUse.MeasureAgainEvery);
        await Reached("storage", async () => await seen.Publish("b", [Large]));
    }

    [Fact]
    public async Task ATopicThatIsDeletedWhileItIsMeasuredCountsNoMore()
    {
        await TwoFullTopics();
        var seen = Seen(async (topic, describe) =>
        {
            if (topic == "_t.acme.a")
                await _broker.DeleteTopic(topic);
            return await describe();
        });

        await seen.Publish("b", [Large]);

        await Assert.ThrowsAsync<MqException>(async () => await As(Ann).DescribeTopic("a"));
    }

    [Fact]
    public async Task WhoHasRoomDoesNotWaitForTheMeasuringAndWhoHasNoneDoes()
    {
        await TwoFullTopics();
        var (begun, goesOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        var seen = Seen(async (topic, describe) =>
        {
            begun.TrySetResult();
            await goesOn.Task;
            return await describe();
        });
        _time.Advance(TenantUse.MeasureEvery);

        await seen.Publish("a", [Small]).AsTask().WaitAsync(Patience);
        await begun.Task.WaitAsync(Patience);
        var waiting = seen.Publish("a", [Large]).AsTask();
        await As(Ann).DeleteTopic("b");
        goesOn.SetResult();

        await waiting.WaitAsync(Patience);
    }

    [Fact]
    public async Task NobodyWhoHasRoomHearsOfAMeasuringThatFailsAndItIsBegunAnew()
    {
        await TwoFullTopics();
        var lists = 0;
        var shaky = ShakyBroker.Around(_broker, new Dictionary<string, Func<int, ShakyBroker.Fate>>
        {
            [nameof(IBroker.ListTopics)] = before => (lists = before + 1) == 1 ? ShakyBroker.Fate.Refused : ShakyBroker.Fate.Passes,
        });
        _time.Advance(TenantUse.MeasureEvery);

        await _control.As(shaky, Ann).Publish("a", [Small]);
        Assert.Equal(1, lists);
        await As(Ann).DeleteTopic("b");
        await _control.As(shaky, Ann).Publish("a", [Large]);
        Assert.Equal(2, lists);
    }

    [Fact]
    public async Task WhatWasDelayedSinceTheLastMeasuringCounts()
    {
        await As(Ann).PutTopic("t", new TopicChange());
        await Limit(QuotaKind.Delayed, 2);

        await As(Ann).Publish("t", [Later]);
        await As(Amy).Publish("t", [Later]);

        await Reached("delayed", async () => await As(Ann).Publish("t", [Later]));
        await As(Ann).Publish("t", [Small]);
    }
}
