using OrleansMq.Engine.Groups;
using Xunit;

namespace OrleansMq.Engine.Tests;

/// <summary>What a group keeps for requests that come again.</summary>
public sealed class RememberedRequestsTests
{
    private const int Big = 1 << 20;

    private readonly RememberedRequests _requests = new();

    [Fact]
    public async Task WhoComesAgainHasTheFirstOnesAnswerUntilItsFirstLeaseEnds()
    {
        var first = _requests.Begin("a", 0).Mine!;
        var again = _requests.Begin("a", 0).Answer!;
        _requests.Answered(first, [Message(until: 300), Message(until: 200)]);

        Assert.Equal(2, (await again).Count);
        Assert.Same(await again, await _requests.Begin("a", 199).Answer!);
        Assert.NotNull(_requests.Begin("a", 200).Mine);
    }

    [Fact]
    public void WhatHasEndedIsForgottenAtTheNextRequest()
    {
        Answer("long", Message(until: 1_000));
        for (var i = 0; i < 100; i++)
            Answer($"{i}", Message(until: 100 + i));
        Assert.Equal(101, _requests.Count);

        _requests.Begin("next", 150);

        Assert.Equal(1 + 49 + 1, _requests.Count);
        _requests.Begin("last", 1_000);
        Assert.Equal((2, 0), (_requests.Count, _requests.Bytes));
    }

    [Fact]
    public void AnswersTakeSoManyBytesAtMostAndTheOldestAreLetGoAndFoundByTheirPlaces()
    {
        for (var i = 0; i < 40; i++)
            Answer($"{i}", Message(partition: i, size: Big));

        Assert.InRange(_requests.Bytes, RememberedRequests.MaxBytes - 2 * Big, RememberedRequests.MaxBytes);
        Assert.Equal(40, _requests.Count);
        Assert.NotNull(_requests.Begin("39", 0).Answer);
        Assert.Equal([0], _requests.Begin("0", 0).Mine!.Places);
        // Now somebody asks the partitions for it, and who comes besides waits for that.
        Assert.NotNull(_requests.Begin("0", 0).Answer);
    }

    [Fact]
    public void SoManyAreRememberedAtMostAndTheOneThatWouldEndFirstGoes()
    {
        for (var i = 0; i <= RememberedRequests.MaxRequests; i++)
            Answer($"{i}", Message(until: 1_000_000 - i));

        Assert.Equal(RememberedRequests.MaxRequests, _requests.Count);
        Assert.NotNull(_requests.Begin("0", 0).Answer);
        Assert.NotNull(_requests.Begin($"{RememberedRequests.MaxRequests}", 0).Mine);
    }

    [Fact]
    public async Task AnEmptyAnswerAndAFailureAreNotKept()
    {
        Answer("empty");
        var failed = _requests.Begin("failed", 0).Mine!;
        var waiting = _requests.Begin("failed", 0).Answer!;
        _requests.Failed(failed, new MqException(ErrorCodes.PartitionUnavailable, ""), 200);

        await Assert.ThrowsAsync<MqException>(() => waiting);
        Assert.Equal(0, _requests.Count);
        Assert.NotNull(_requests.Begin("empty", 0).Mine);
    }

    [Fact]
    public void ARepeatThatFailsLeavesWhereTheAnswerLiesUntilThatEnds()
    {
        Answer("a", Message(partition: 3, until: 200, size: (int)RememberedRequests.MaxBytes));
        for (var i = 0; i < 2; i++)
            Fail(100, [3]);

        Fail(200, []);

        Assert.Equal(0, _requests.Count);

        void Fail(long nowMs, int[] places)
        {
            var mine = _requests.Begin("a", nowMs).Mine!;
            Assert.Equal(places, mine.Places);
            _requests.Failed(mine, new MqException(ErrorCodes.PartitionUnavailable, ""), 200);
        }
    }

    [Fact]
    public void ARepeatThatFailsWhenItsAnswerHasEndedIsForgotten()
    {
        Answer("a", Message(partition: 3, until: 200, size: (int)RememberedRequests.MaxBytes));
        var mine = _requests.Begin("a", 100).Mine!;
        _requests.Begin("b", 200);

        _requests.Failed(mine, new MqException(ErrorCodes.PartitionUnavailable, ""), 200);

        Assert.Equal(1, _requests.Count);
    }

    private void Answer(string id, params Delivery[] messages) => _requests.Answered(_requests.Begin(id, 0).Mine!, messages);

    private static Delivery Message(int partition = 0, long until = 1_000_000, int size = 1) => new()
    {
        Position = new Position(partition, 0),
        Timestamp = default,
        Body = new byte[size],
        Lease = new LeaseId(partition, 0, 1, 0, 1),
        LeaseUntil = DateTimeOffset.FromUnixTimeMilliseconds(until),
        DeliveryCount = 1,
    };
}
