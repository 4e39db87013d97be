using OrleansMq.Core.Snapshots;
using OrleansMq.Core.Transactions;
using Xunit;

namespace OrleansMq.Core.Tests.Transactions;

/// <summary>What one partition knows of transactions.</summary>
public sealed class PartitionTransactionsTests
{
    private const string Golden =
        "02 01000000 0700000000000000 03000000 1E00000000000000 0200000000000000 E803000000000000 0200 6162 01000000 0500000000000000 0A00000000000000 1400000000000000";

    private const string GoldenOfVersion1 = "01 01000000 0700000000000000 03000000 1E00000000000000 01000000 0500000000000000 0A00000000000000 1400000000000000";

    private static OpenTransaction Begun(long producer, short epoch) => new(new ProducerIdentity(producer, epoch), "ab", 2, 1_000);

    private static PartitionTransactions Sample()
    {
        var transactions = new PartitionTransactions();
        transactions.ApplyBegun(Begun(5, 0));
        transactions.ApplyAppended(5, 10);
        transactions.ApplyBegun(Begun(7, 3));
        transactions.ApplyEnded(5, 20, committed: false);
        transactions.ApplyAppended(7, 30);
        transactions.ApplyAppended(7, 31);
        return transactions;
    }

    [Fact]
    public void ReadersStopAtTheFirstThatIsNotDecided()
    {
        var transactions = new PartitionTransactions();
        transactions.ApplyBegun(Begun(5, 0));
        Assert.Equal(50, transactions.StableEnd(0, 50));
        transactions.ApplyAppended(5, 10);
        transactions.ApplyBegun(Begun(7, 0));
        transactions.ApplyAppended(7, 12);
        Assert.Equal(10, transactions.StableEnd(0, 50));
        // What retention removed is waited for by nobody.
        Assert.Equal(11, transactions.StableEnd(11, 50));
        transactions.ApplyEnded(5, 20, committed: true);
        Assert.Equal(12, transactions.StableEnd(0, 50));
        transactions.ApplyEnded(7, 21, committed: false);
        Assert.Equal(50, transactions.StableEnd(0, 50));
        Assert.Equal([new AbortedRange(7, 12, 21)], transactions.Aborted);
    }

    [Fact]
    public void OnlyABatchOfTheOpenTransactionIsTaken()
    {
        var transactions = Sample();

        Assert.Null(transactions.Check(7, 3, null));
        Assert.Equal(ErrorCodes.ProducerFenced, transactions.Check(7, 2, null)?.Code);
        Assert.Equal(ErrorCodes.TransactionState, transactions.Check(7, 4, null)?.Code);
        Assert.Equal(ErrorCodes.TransactionState, transactions.Check(5, 0, null)?.Code);
    }

    [Fact]
    public void ABatchThatNamesItsIdNamesThatOfTheOpenTransaction()
    {
        var transactions = new PartitionTransactions();
        transactions.ApplyBegun(Begun(5, 0) with { Key = "etl" });
        transactions.ApplyBegun(Begun(6, 0) with { Key = "" });

        Assert.Null(transactions.Check(5, 0, "etl"));
        Assert.Equal(ErrorCodes.TransactionState, transactions.Check(5, 0, "other")?.Code);
        // From before the key was kept.
        Assert.Null(transactions.Check(6, 0, "etl"));
    }

    [Fact]
    public void WhatLiesBelowTheStartIsForgotten()
    {
        var transactions = Sample();
        transactions.ApplyStart(20);
        Assert.Single(transactions.Aborted);
        transactions.ApplyStart(21);
        Assert.Empty(transactions.Aborted);
    }

    [Fact]
    public void ItIsSavedAndReadAsDrawn()
    {
        Assert.Equal(State.Hex(Golden), State.Of(Sample().Save));
        var reader = new StateReader(Convert.FromHexString(State.Hex(Golden)));
        var loaded = PartitionTransactions.Load(ref reader);
        Assert.Equal((30L, 1), (loaded.StableEnd(0, 50), loaded.Aborted.Count));
        Assert.Equal(State.Hex(Golden), State.Of(loaded.Save));
    }

    [Fact]
    public void TheFirstVersionIsReadAndItsCoordinatorsAreNotAsked()
    {
        var reader = new StateReader(Convert.FromHexString(State.Hex(GoldenOfVersion1)));
        var loaded = PartitionTransactions.Load(ref reader);
        Assert.Equal((30L, new OpenTransaction(new ProducerIdentity(7, 3), "", 0, 0)), (loaded.StableEnd(0, 50), loaded.Find(7)));
        Assert.Null(loaded.NextDueMs);
        Assert.Empty(loaded.Overdue(long.MaxValue));
    }

    [Fact]
    public void WhatIsOpenPastItsTimeIsNamed()
    {
        var transactions = Sample();
        transactions.ApplyBegun(Begun(9, 0) with { DueMs = 2_000 });
        Assert.Equal(1_000, transactions.NextDueMs);
        Assert.Empty(transactions.Overdue(999));
        Assert.Equal([Begun(7, 3)], transactions.Overdue(1_000));
    }

    [Fact]
    public void ALaterTermOfOneThatIsOpenKeepsWhereItBegan()
    {
        var transactions = Sample();
        transactions.ApplyBegun(Begun(7, 3) with { Term = 4, DueMs = 3_000 });

        Assert.Equal((30L, 4L, 3_000L), (transactions.StableEnd(0, 50), transactions.Find(7)!.Value.Term, transactions.NextDueMs));
        transactions.ApplyEnded(7, 40, committed: false);
        Assert.Equal((50L, new AbortedRange(7, 30, 40)), (transactions.StableEnd(0, 50), transactions.Aborted[^1]));
        Assert.Null(transactions.NextDueMs);
    }
}
