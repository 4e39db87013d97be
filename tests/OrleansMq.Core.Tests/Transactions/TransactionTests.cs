using OrleansMq.Core.Transactions;
using Xunit;

namespace OrleansMq.Core.Tests.Transactions;

/// <summary>One transactional id, as a value.</summary>
public sealed class TransactionTests
{
    private static readonly TransactionPartition Part = new("t", 0);
    private static readonly GroupOffset Offset = new("in", 0, 5);

    private static Transaction Fresh { get; } = Transaction.New(new TransactionalId("id"), 7, 1_000, 0);

    private static Transaction Ongoing { get; } = Fresh.AddPartitions(Fresh.Producer, [Part], 10).Next;

    [Fact]
    public void ItBeginsWithItsFirstPartitionAndRunsOutFromThere()
    {
        Assert.Equal((TransactionPhase.Empty, (long?)null), (Fresh.Phase, Fresh.DeadlineMs));
        Assert.Equal((TransactionPhase.Ongoing, (long?)1_010), (Ongoing.Phase, Ongoing.DeadlineMs));
        Assert.Equal((long?)1_010, Ongoing.AddPartitions(Fresh.Producer, [new("t", 1)], 500).Next.DeadlineMs);
    }

    [Fact]
    public void OnceItIsDecidedNothingElseCanBecomeOfIt()
    {
        var committing = Ongoing.End(Fresh.Producer, true, true, -1, 20).Next;

        Assert.Equal((TransactionPhase.Committing, new ProducerIdentity(7, 1)), (committing.Phase, committing.Producer));
        Assert.Equal(Fresh.Producer, committing.EndedBy);
        Assert.Same(committing, committing.End(Fresh.Producer, true, true, -1, 21).Next);
        Assert.Equal(ErrorCodes.TransactionState, committing.End(Fresh.Producer, false, true, -1, 21).Error?.Code);
        Assert.Equal(ErrorCodes.Overloaded, committing.AddPartitions(committing.Producer, [Part], 21).Error?.Code);
        var done = committing.Completed();
        Assert.Equal((TransactionPhase.Empty, 0), (done.Phase, done.Partitions.Count));
        Assert.Same(done, done.End(Fresh.Producer, true, true, -1, 22).Next);
        Assert.Equal(ErrorCodes.TransactionState, done.End(done.Producer, true, true, -1, 22).Error?.Code);
    }

    [Fact]
    public void AnEndThatIsSaidAgainAfterTheNextBeganIsRefused()
    {
        var next = Ongoing.End(Fresh.Producer, true, false, -1, 20).Next.Completed().AddPartitions(Fresh.Producer, [Part], 30).Next;

        Assert.Equal(TransactionPhase.Aborting, next.End(Fresh.Producer, false, false, -1, 40).Next.Phase);
        Assert.Null(next.Ended);
    }

    [Fact]
    public void AFencedProducerCanDoNothing()
    {
        var fenced = Ongoing.Fence(20);

        Assert.Equal((TransactionPhase.Aborting, (short)1), (fenced.Phase, fenced.Producer.Epoch));
        Assert.Equal(fenced.Producer, fenced.EndedBy);
        Assert.Equal(ErrorCodes.ProducerFenced, fenced.End(Fresh.Producer, true, true, -1, 21).Error?.Code);
        Assert.Equal(ErrorCodes.ProducerFenced, fenced.Completed().AddPartitions(Fresh.Producer, [Part], 21).Error?.Code);
        Assert.Equal(ErrorCodes.ProducerFenced, fenced.Completed().Reopen(Fresh.Producer, -1, 1_000, 22).Error?.Code);
        Assert.Equal(ErrorCodes.ProducerUnknown, fenced.Completed().AddPartitions(new ProducerIdentity(8, 0), [Part], 21).Error?.Code);
    }

    [Fact]
    public void WhenTheEpochsAreUsedUpThereIsANewProducer()
    {
        var last = Ongoing with { Producer = new ProducerIdentity(7, short.MaxValue - 1) };

        Assert.True(last.EpochsAreUsedUp);
        Assert.Equal(new ProducerIdentity(9, 0), last.End(last.Producer, true, true, 9, 20).Next.Producer);
        Assert.Equal(new ProducerIdentity(7, short.MaxValue), last.Fence(20).Producer);
        Assert.Equal(new ProducerIdentity(9, 0), last.Fence(20).Completed().Reopen(null, 9, 1_000, 30).Next.Producer);
    }

    [Fact]
    public void TheLastPositionOfAPartitionCounts()
    {
        var staged = Fresh.AddOffsets(Fresh.Producer, "g", [Offset], 1).Next.AddOffsets(Fresh.Producer, "g", [Offset with { Offset = 9 }, new GroupOffset("in", 1, 3)], 2).Next;

        Assert.Equal([Offset with { Offset = 9 }, new GroupOffset("in", 1, 3)], staged.Offsets["g"]);
        Assert.Equal(TransactionPhase.Ongoing, staged.Phase);
    }

    [Fact]
    public void ADocumentReadsBackAsItWasWritten()
    {
        var full = Ongoing.AddOffsets(Fresh.Producer, "g", [Offset with { Note = "n" }], 11).Next.End(Fresh.Producer, false, true, -1, 20).Next;
        var read = TransactionDocument.FromJson(TransactionDocument.ToJson(full));

        Assert.Equal((full.Id, full.Producer, full.Phase, full.Ended, full.StartedMs, full.TimeoutMs), (read.Id, read.Producer, read.Phase, read.Ended, read.StartedMs, read.TimeoutMs));
        Assert.Equal(full.Partitions, read.Partitions);
        Assert.Equal(full.Offsets["g"], read.Offsets["g"]);
    }

    [Theory]
    [InlineData("app-1", "app-1")]
    [InlineData("Source: x -> Sink", "sha256.")]
    [InlineData("sha256.abc", "sha256.")]
    public void AnyIdHasANameForItsDocument(string id, string begins)
    {
        var key = new TransactionalId(id).Key;

        Assert.StartsWith(begins, key, StringComparison.Ordinal);
        Assert.True(NameRule.IsValid(key));
        Assert.NotEqual("sha256.abc", key);
    }
}
