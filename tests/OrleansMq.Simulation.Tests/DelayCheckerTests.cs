using OrleansMq.Simulation.Checks;
using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;
using Xunit;

namespace OrleansMq.Simulation.Tests;

/// <summary>The check of delayed messages fires on each history that breaks its promise, and on no other.</summary>
public sealed class DelayCheckerTests
{
    private readonly History _history = new();

    [Fact]
    public void ADelayedMessageThatIsThereOnceIsWell()
    {
        Store(0, Acknowledged("u1"));

        Assert.Empty(Fired());
    }

    [Fact]
    public void OneThatIsNowhereIsLost()
    {
        Acknowledged("u1");

        Assert.Equal(["delayed lost"], Fired());
    }

    [Fact]
    public void OneThatWasPerhapsCancelledIsNot()
    {
        Cancel(Acknowledged("u1"), Outcome.Unknown);

        Assert.Empty(Fired());
    }

    [Fact]
    public void OneAtTwoPlacesIsThereTwice()
    {
        var sent = Acknowledged("u1");
        Store(0, sent);
        Store(1, sent);

        Assert.Equal(["delayed twice"], Fired());
    }

    [Fact]
    public void OneThatWasCancelledMustNotBeThere()
    {
        var sent = Acknowledged("u1");
        Cancel(sent, Outcome.Ok);
        Assert.Empty(Fired());

        Store(0, sent);

        Assert.Equal(["cancelled"], Fired());
    }

    private IEnumerable<string> Fired() => DelayCheck.Check(_history).Select(violation => violation.Checker);

    private Sent Acknowledged(string uid)
    {
        var sent = new Sent { Uid = uid, Topic = Population.Later, Token = uid, After = TimeSpan.FromSeconds(1) };
        sent.Attempts.Add(new Attempt { Call = new Call("publish", 1), Durable = true, Outcome = Outcome.Ok });
        _history.Sent.Add(uid, sent);
        return sent;
    }

    private void Cancel(Sent sent, Outcome outcome)
    {
        var process = new Worlds.World(1).Outside;
        _history.Cancelled.Add((sent, new Call("cancel", 2) { Outcome = outcome, Process = process }));
    }

    private void Store(int partition, Sent sent)
    {
        var place = new Place(Population.Later, partition);
        var log = _history.Final.TryGetValue(place, out var known) ? known : _history.Final[place] = new FinalLog { Start = 0, End = 100 };
        log.Records.Add(log.Records.Count, (sent.Uid, null, sent.Token));
    }
}
