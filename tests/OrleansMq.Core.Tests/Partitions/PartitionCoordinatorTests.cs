using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Core.Transactions;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Core.Tests.Partitions;

/// <summary>What a partition lets the coordinators of its transactions do, also one that was replaced and does not know it yet.</summary>
public sealed class PartitionCoordinatorTests
{
    private static readonly ProducerIdentity Producer = new(7, 0);

    private readonly Partition _partition = new(new LogIdentity(1, Guid.Empty, 0), new PartitionLimits { TokenCount = 1, TokenAgeMs = 1 }, 0);
    private readonly FrameBuffer _frames = new(new LogIdentity(1, Guid.Empty, 0), 1);

    [Fact]
    public void ADecisionAboutAnEarlierTransactionEndsNoLaterOneOfTheSameEpoch()
    {
        Begin(term: 2);
        End(term: 3);
        Begin(term: 5);

        // The first coordinator was thought dead, and says once more what it decided then.
        End(term: 3);

        Assert.Equal(5, _partition.Transactions.Find(7)?.Term);
        End(term: 6);
        Assert.Null(_partition.Transactions.Find(7));
    }

    [Fact]
    public void ADecisionOfAnOlderEpochEndsNoNewerTransaction()
    {
        Begin(term: 2);
        End(term: 3, Producer with { Epoch = 1 });
        Assert.Null(_partition.BeginTransaction(new OpenTransaction(Producer with { Epoch = 1 }, "id", 5, 1_000), 0, _frames));

        End(term: 9);

        Assert.NotNull(_partition.Transactions.Find(7));
    }

    [Fact]
    public void SayingItAgainChangesNothing()
    {
        Begin(term: 2);
        var end = _partition.Position;
        Begin(term: 2);
        Begin(term: 1);

        Assert.Equal((end, 2L), (_partition.Position, _partition.Transactions.Find(7)!.Value.Term));
    }

    [Fact]
    public void ADecisionAboutATransactionThatALateCallOpenedAgainDoesNotEndTheNextOneOfItsEpoch()
    {
        Begin(term: 2);
        End(term: 3);
        // The first one's beginning comes once more, then the next one's, and last the first one's end.
        Begin(term: 2);
        Begin(term: 5);
        End(term: 3);

        Assert.Equal(5, _partition.Transactions.Find(7)?.Term);
        End(term: 6);
        Assert.Null(_partition.Transactions.Find(7));
    }

    private void Begin(long term) => Assert.Null(_partition.BeginTransaction(new OpenTransaction(Producer, "id", term, 1_000), 0, _frames));

    private void End(long term, ProducerIdentity? producer = null) => _partition.EndTransaction(producer ?? Producer, TransactionOutcome.Commit, term, 0, _frames);
}
