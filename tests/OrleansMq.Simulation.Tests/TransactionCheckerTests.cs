using OrleansMq.Simulation.Checks;
using OrleansMq.Simulation.Clients;
using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;
using Xunit;

namespace OrleansMq.Simulation.Tests;

/// <summary>The checks of transactions fire on each history that breaks a promise, and on no other.</summary>
public sealed class TransactionCheckerTests
{
    private static readonly Place Raw = new(Population.Raw, 0);
    private static readonly Place Made = new(Population.Made, 0);

    private readonly SimProcess _process = new World(1).Outside;
    private readonly History _history = new();
    private readonly CommittedLog _log = new();

    public TransactionCheckerTests() => _history.Committed[Made] = _log;

    [Fact]
    public void WhatWasCommittedIsThereAndWhatWasAbortedIsNot()
    {
        Store(Transform(0, 0, 2, Outcome.Ok));
        Transform(1, 2, 3, commit: null);
        Transform(2, 2, 3, Outcome.Unknown);

        Assert.Empty(Fired(cursor: 2));
    }

    [Fact]
    public void OneThatWasPerhapsCommittedIsWholeOrNothing()
    {
        var each = Transform(0, 0, 2, Outcome.Unknown);
        Store(each);
        Assert.Empty(Fired(cursor: 2));

        Forget(each.Outputs[1]);

        Assert.Equal(["transaction torn"], Fired(cursor: 2));
    }

    [Fact]
    public void OneThatWasCommittedAndIsNowhereIsLost()
    {
        Transform(0, 0, 2, Outcome.Ok);

        Assert.Equal(["transaction lost"], Fired(cursor: 0));
    }

    [Fact]
    public void OneThatWasNeverCommittedMustNotBeThere()
    {
        Store(Transform(0, 0, 2, commit: null));

        Assert.Equal(["aborted visible"], Fired(cursor: 2));
    }

    [Fact]
    public void AMessageOfNoTransactionComesFromNowhere()
    {
        Put("u99");

        Assert.Equal(["transaction nowhere"], Fired(cursor: 0));
    }

    [Fact]
    public void AMessageAtTwoPlacesIsThereTwice()
    {
        var each = Transform(0, 0, 2, Outcome.Ok);
        Store(each);
        Put(each.Outputs[0].Uid);

        Assert.Equal(["transaction twice"], Fired(cursor: 2));
    }

    [Fact]
    public void AMessageElsewhereThanWasAnsweredIsFound()
    {
        var each = Transform(0, 0, 2, Outcome.Ok);
        Store(each);
        each.Outputs[0].Attempts[0].Offset = 7;

        Assert.Equal(["transaction moved"], Fired(cursor: 2));
    }

    [Fact]
    public void AnInputThatTwoTransformedIsFound()
    {
        Store(Transform(0, 0, 2, Outcome.Ok));
        Store(Transform(1, 1, 3, Outcome.Ok));

        Assert.Equal(["input twice"], Fired(cursor: 3));
    }

    [Fact]
    public void AnInputThatNobodyTransformedIsFound()
    {
        Store(Transform(0, 0, 2, Outcome.Ok));
        Store(Transform(1, 3, 4, Outcome.Ok));

        Assert.Equal(["input skipped"], Fired(cursor: 4));
    }

    [Fact]
    public void ACursorThatStandsElsewhereIsFound()
    {
        Store(Transform(0, 0, 2, Outcome.Ok));

        Assert.Equal(["input skipped"], Fired(cursor: 3));
    }

    [Fact]
    public void AReadThatGaveOtherThanIsThereIsFound()
    {
        var each = Transform(0, 0, 2, Outcome.Ok);
        Store(each);
        Read(from: 0, to: 1, stable: 2, (0, each.Outputs[0].Uid));
        Assert.Empty(Fired(cursor: 2));

        Read(from: 0, to: 2, stable: 2, (0, each.Outputs[0].Uid));

        Assert.Equal(["committed read"], Fired(cursor: 2));
    }

    [Fact]
    public void AReadBeyondWhatIsStableIsFound()
    {
        Read(from: 0, to: 2, stable: 1);

        Assert.Equal(["committed read"], Fired(cursor: 0));
    }

    [Fact]
    public void AStableOffsetThatGoesBackIsFound()
    {
        Read(from: 0, to: 0, stable: 5);
        Read(from: 0, to: 0, stable: 4);

        Assert.Equal(["stable back"], Fired(cursor: 0));
    }

    [Fact]
    public void AnEndThatDoesNotGetStableIsFound()
    {
        Put(Transform(0, 0, 2, commit: Outcome.Unknown).Outputs[0].Uid);

        Assert.Contains("not stable", Fired(cursor: 2, stable: 0));
    }

    [Fact]
    public void ADeliveryOfWhatIsNotCommittedIsFound()
    {
        _history.Sunk.Add(new Sunk(new Call("receive", 1), Made, 5, "u5"));

        Assert.Equal(["uncommitted delivered"], Fired(cursor: 0));
    }

    [Fact]
    public void ACommittedMessageThatNobodyGotIsFound()
    {
        Store(Transform(0, 0, 2, Outcome.Ok));
        _history.Sunk.RemoveAt(0);

        Assert.Equal(["committed undelivered"], Fired(cursor: 2));
    }

    [Fact]
    public void AnAppendBehindTheFenceIsFound()
    {
        var each = Transform(epoch: 0, 0, 2, Outcome.Ok);
        Store(each);
        Open(epoch: 1);
        Assert.Empty(Fired(cursor: 2));

        each.Outputs[0].Attempts[0] = new Attempt { Call = Answered("append", Outcome.Ok), Outcome = Outcome.Ok, Offset = 0 };

        Assert.Equal(["fence"], Fired(cursor: 2));
    }

    [Fact]
    public void ACommitBehindTheFenceIsFound()
    {
        var each = Transform(epoch: 0, 0, 2, commit: null);
        Store(each);
        Open(epoch: 1);
        each.Commits.Add(Answered("commit", Outcome.Ok));

        Assert.Equal(["fence"], Fired(cursor: 2));
    }

    [Fact]
    public void ABatchBehindItsMarkerIsFound()
    {
        _log.Batches.Add(new StoredBatch(0, 0, 7, 1, IsControl: true));
        _log.Batches.Add(new StoredBatch(1, 1, 7, 2, IsControl: false));
        Assert.Empty(Fired(cursor: 0));

        _log.Batches.Add(new StoredBatch(2, 2, 7, 1, IsControl: false));

        Assert.Equal(["fence"], Fired(cursor: 0));
    }

    [Fact]
    public void AGapBetweenBatchesIsFound()
    {
        _log.Batches.Add(new StoredBatch(1, 1, 7, 1, IsControl: true));

        Assert.Equal(["dense"], Fired(cursor: 0));
    }

    private IEnumerable<string> Fired(long cursor, long? stable = null)
    {
        _history.TransformedUpTo[Raw] = cursor;
        if (_log.Records.Count > 0 && _log.Batches.Count == 0)
            _log.Batches.Add(new StoredBatch(0, _log.Records.Keys.Max(), 7, 0, IsControl: false));
        _log.End = _log.Batches.Count == 0 ? 0 : _log.Batches[^1].Last + 1;
        _log.Stable = stable ?? _log.End;
        return TransactionCheck.Check(_history).Select(violation => violation.Checker);
    }

    private Transformation Transform(short epoch, long from, long to, Outcome? commit)
    {
        var each = new Transformation { Id = "etl-0", Producer = new ProducerIdentity(7, epoch), Input = Raw, From = from, To = to };
        each.Outputs.AddRange(Enumerable.Range(0, 2).Select(i => new Sent { Uid = $"u{10 * epoch + i + 1}", Topic = Made.Topic }));
        if (commit is { } outcome)
            each.Commits.Add(Answered("commit", outcome));
        _history.Transformations.Add(each);
        return each;
    }

    private void Store(Transformation each)
    {
        foreach (var sent in each.Outputs)
        {
            sent.Attempts.Add(new Attempt { Call = Answered("append", Outcome.Ok), Outcome = Outcome.Ok, Partition = Made.Partition, Offset = _log.Records.Count });
            Put(sent.Uid);
        }
    }

    private void Put(string uid)
    {
        _history.Sunk.Add(new Sunk(new Call("receive", 1), Made, _log.Records.Count, uid));
        _log.Records.Add(_log.Records.Count, uid);
    }

    private void Forget(Sent sent)
    {
        var offset = _log.Records.First(record => record.Value == sent.Uid).Key;
        _log.Records.Remove(offset);
        _history.Sunk.RemoveAll(sunk => sunk.Offset == offset);
    }

    private void Open(short epoch) => _history.Opened.Add(new Opened(Answered("open", Outcome.Ok), "etl-0", new ProducerIdentity(7, epoch)));

    private void Read(long from, long to, long stable, params (long, string)[] records) => _history.CommittedReads.Add(new CommittedRead(Answered("read", Outcome.Ok), Made, from, to, stable, records));

    private Call Answered(string what, Outcome outcome)
    {
        var call = new Call(what, _history.Next()) { Process = _process, Outcome = outcome };
        call.Answered = _history.Next();
        return call;
    }
}
