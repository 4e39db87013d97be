using OrleansMq.Core.Log;
using Xunit;

namespace OrleansMq.Core.Tests.Partitions;

/// <summary>Random histories from a seed: what is decided live and what is read back from the log is one state.</summary>
public sealed class PartitionHistories
{
    private const int Steps = 400;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void ReplayComesToTheStateThatWasDecided(int seed)
    {
        var history = new PartitionHistory(seed, Steps);
        Assert.Equal(history.Live(), history.Replayed());
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void EverySnapshotWithTheLogBehindItComesToTheSame(int seed)
    {
        var history = new PartitionHistory(seed, Steps);
        for (var i = 0; i < history.Snapshots; i++)
            Assert.Equal(history.Live(), history.ReplayedFrom(i));
    }

    /// <summary>Else the two above would promise less than they say.</summary>
    [Fact]
    public void TheHistoriesHaveEverythingInThem()
    {
        var happened = Enumerable.Range(1, 40).SelectMany(seed => new PartitionHistory(seed, Steps).Happened).ToHashSet();
        string[] wanted =
        [
            // TransactionBegun is read, and no longer written.
            .. Enum.GetNames<EntryKind>().Except([nameof(EntryKind.TransactionBegun)]), "main", "dead letters", "redriven", "scheduled", "due", "rolled", "passed on",
            "half", "committed", "half Committed", "half Committed again", "half RolledBack", "half RolledBack again",
            ErrorCodes.HalfCommitted, ErrorCodes.HalfRolledBack, ErrorCodes.HalfTimedOut, ErrorCodes.HalfUnknown, "sequence", "repeated",
            "transaction, Commit", "transaction, Abort", "plain, all stored", "rich, all stored", "rich, some stored", "rich, nothing stored",
            ErrorCodes.AdmissionClosed, ErrorCodes.SequenceGap,
        ];
        Assert.Empty(wanted.Except(happened));
    }
}
