using OrleansMq.Simulation.Checks;
using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;
using Xunit;

namespace OrleansMq.Simulation.Tests;

/// <summary>Which grants a later process may not know of: only those that were not flushed when their process died, or when another took the log from it.</summary>
public sealed class DurableMarkTests : IDisposable
{
    private static readonly Place Place = new("t", 0);

    private readonly World _world = new(1);
    private readonly History _history = new();
    private readonly SimProcess _first;
    private readonly SimProcess _other;

    public DurableMarkTests() => (_first, _other) = (new(_world, "first"), new(_world, "other"));

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void AProcessForgetsWhatItGaveOnlyWhereItEndsUnclean(bool clean, bool may)
    {
        Open(_first);
        var given = Give(_first, 1);
        _first.Die(_history.Next(), clean);
        Open(_other);

        Assert.Equal(may, MayBeForgotten(given, Give(_other, 2)));
    }

    [Fact]
    public void WhatWasGivenAfterAnotherTookTheLogMayBeForgottenThoughTheProcessEndsInGoodOrder()
    {
        Open(_first);
        Open(_other);
        var given = Give(_first, 1);
        _first.Die(_history.Next(), clean: true);

        Assert.True(MayBeForgotten(given, Give(_other, 2)));
    }

    [Fact]
    public void WhoTakesTheLogBackDoesNotKnowWhatItGaveBefore()
    {
        Open(_first);
        var given = Give(_first, 1);
        Open(_other);
        Open(_first);
        Append(_first);

        Assert.True(MayBeForgotten(given, Give(_first, 3)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WhatAnAnswerBehindItSaysIsDurableIsNotForgotten(bool taken)
    {
        Open(_first);
        var given = Give(_first, 1);
        Append(_first);
        if (taken)
            Open(_other);
        _first.Die(_history.Next(), clean: false);
        Open(_other);

        Assert.False(MayBeForgotten(given, Give(_other, 3)));
    }

    [Fact]
    public void NothingIsForgottenWithinOneOpening()
    {
        Open(_first);
        var given = Give(_first, 1);
        Open(_other);

        Assert.False(MayBeForgotten(given, Give(_first, 1)));
    }

    public void Dispose() => _world.Dispose();

    private bool MayBeForgotten(Given first, Given second) => new DurableMarks(_history).MayBeForgotten(first, second);

    private void Open(SimProcess process) => _history.Openings.Add(new LogOpening(process, Place, _history.Next()));

    /// <summary>An append that was acknowledged as durable.</summary>
    private void Append(SimProcess process)
    {
        var sent = new Sent { Uid = $"u{_history.Next()}", Topic = Place.Topic };
        sent.Attempts.Add(new Attempt { Call = Answered(process), Durable = true, Partition = Place.Partition, Outcome = Outcome.Ok });
        _history.Sent.Add(sent.Uid, sent);
    }

    private Given Give(SimProcess process, int epoch) => new()
    {
        Call = Answered(process),
        At = new GroupPlace(Place.Topic, "g", Place.Partition),
        Lease = new LeaseId(Place.Partition, 0, epoch, 0, 1),
        Origin = 0,
        Uid = "u",
        Consumer = "c",
        IsFetched = false,
        Rank = 0,
        FirstTry = true,
        GrantedMs = 0,
        UntilMs = 1,
        AnsweredAt = TimeSpan.Zero,
    };

    private Call Answered(SimProcess process) => new("asked", _history.Next()) { Process = process, Answered = _history.Next(), Outcome = Outcome.Ok };
}
