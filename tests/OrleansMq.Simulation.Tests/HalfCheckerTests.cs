using OrleansMq.Simulation.Checks;
using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;
using Xunit;

namespace OrleansMq.Simulation.Tests;

/// <summary>The check of half messages fires on each history that breaks its promise, and on no other.</summary>
public sealed class HalfCheckerTests
{
    private readonly History _history = new();

    [Fact]
    public void OneThatWasCommittedIsThereAndOneThatWasRolledBackIsNot()
    {
        Store(0, Acknowledged("u1", commits: true));
        Acknowledged("u2", commits: false);

        Assert.Empty(Fired());
    }

    [Fact]
    public void OneThatWasCommittedAndIsNowhereIsLost()
    {
        Acknowledged("u1", commits: true);

        Assert.Equal(["half lost"], Fired());
    }

    [Fact]
    public void OneThatWasRolledBackMustNotBeThere()
    {
        Store(0, Acknowledged("u1", commits: false));

        Assert.Equal(["half not taken back"], Fired());
    }

    [Fact]
    public void OneAtTwoPlacesIsThereTwice()
    {
        var sent = Acknowledged("u1", commits: true);
        Store(0, sent);
        Store(1, sent);

        Assert.Equal(["half twice"], Fired());
    }

    private IEnumerable<string> Fired() => HalfCheck.Check(_history).Select(violation => violation.Checker);

    private Sent Acknowledged(string uid, bool commits)
    {
        var sent = new Sent { Uid = uid, Topic = Population.Paid, Token = uid, Commits = commits };
        sent.Attempts.Add(new Attempt { Call = new Call("publish", 1), Durable = true, Outcome = Outcome.Ok });
        _history.Sent.Add(uid, sent);
        return sent;
    }

    private void Store(int partition, Sent sent)
    {
        var place = new Place(Population.Paid, partition);
        var log = _history.Final.TryGetValue(place, out var known) ? known : _history.Final[place] = new FinalLog { Start = 0, End = 100 };
        log.Records.Add(log.Records.Count, (sent.Uid, null, sent.Token));
    }
}
