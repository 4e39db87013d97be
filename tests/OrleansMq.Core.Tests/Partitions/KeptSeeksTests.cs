using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using Xunit;

namespace OrleansMq.Core.Tests.Partitions;

/// <summary>A snapshot does not say how often a group was sought, and leases are named by it.</summary>
public sealed class KeptSeeksTests
{
    private static readonly LogIdentity Log = new(7, Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), 1);
    private static readonly PartitionLimits Limits = new() { TokenCount = 100, TokenAgeMs = 10_000 };

    [Fact]
    public void AReplayInTheSameEpochNamesNoLeaseAsOneFromBefore()
    {
        var (before, frames) = (new Partition(Log, Limits, 0), new FrameBuffer(Log, 1));
        var group = before.AddGroup("g", Guid.NewGuid(), GroupFlags.None, 0, 1, frames);
        before.Seek(group, 0, 1, frames);
        before.Seek(group, 0, 1, frames);
        var replayed = Partition.Load(Log, Limits, State.Bytes(before.Save), 0);

        replayed.KeepSeeks(before);

        Assert.Equal(group.GrantEpoch(1), replayed.FindGroup("g")!.GrantEpoch(1));
    }
}
