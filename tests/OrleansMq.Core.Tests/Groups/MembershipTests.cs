using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;
using Xunit;

namespace OrleansMq.Core.Tests.Groups;

public sealed class MembershipTests
{
    private static readonly TimeSpan Session = TimeSpan.FromSeconds(10);
    private Membership group = new();

    private IReadOnlyList<int> Share(string member, int partitions = 7, int? maxActive = null) => group.AssignmentOf(member, partitions, maxActive).Partitions;

    [Fact]
    public void MembersHaveContiguousSharesInTheOrderOfTheirNames()
    {
        foreach (var member in new[] { "c", "a", "b" })
            group.Join(member, Session, 0);
        Assert.Equal([0, 1, 2], Share("a"));
        Assert.Equal([3, 4], Share("b"));
        Assert.Equal([5, 6], Share("c"));
        Assert.Equal(3, group.Generation);
    }

    [Fact]
    public void MoreMembersThanPartitionsLeavesSomeWithNone()
    {
        group.Join("a", Session, 0);
        group.Join("b", Session, 0);
        Assert.Empty(Share("b", 1));
        Assert.Equal([new GroupMember("a", [0], true).Active, false], group.Describe(1, null).Select(m => m.Active));
    }

    [Fact]
    public void JoiningAgainChangesNothing()
    {
        Assert.True(group.Join("a", Session, 0));
        Assert.False(group.Join("a", Session, 500));
        Assert.Equal(1, group.Generation);
        Assert.Equal(10_500, group.NextDeadline);
    }

    [Fact]
    public void WhoJoinedFirstIsTheActiveOne()
    {
        group.Join("z", Session, 0);
        group.Join("a", Session, 0);
        Assert.Equal([0, 1, 2], Share("z", 3, 1));
        Assert.Empty(Share("a", 3, 1));
        group.Leave("z");
        Assert.Equal([0, 1, 2], Share("a", 3, 1));
    }

    [Fact]
    public void AMemberThatFallsSilentIsExpired()
    {
        group.Join("a", Session, 0);
        group.Join("b", Session, 0);
        group.Heartbeat("b", 2, 5000);
        Assert.Equal(0, group.Expire(9_999));
        Assert.Equal(1, group.Expire(10_000));
        Assert.Equal((1, 3), (group.Count, group.Generation));
        Assert.Equal(ErrorCodes.MemberUnknown, group.Heartbeat("a", 3, 10_000));
    }

    [Fact]
    public void AStaleGenerationIsToldButKeepsItsMemberAlive()
    {
        group.Join("a", Session, 0);
        group.Join("b", Session, 0);
        Assert.Equal(ErrorCodes.GenerationStale, group.Heartbeat("a", 1, 9000));
        Assert.Null(group.Check("a", 2));
        group.Expire(15_000);
        Assert.Equal(ErrorCodes.GenerationStale, group.Check("a", 2));
        Assert.Null(group.Check("a", 3));
    }

    [Theory]
    [InlineData(999)]
    [InlineData(1_800_001)]
    public void ASessionOutOfRangeIsRefused(int ms) =>
        Assert.Equal(ErrorCodes.Malformed, Assert.Throws<MqException>(() => group.Join("a", TimeSpan.FromMilliseconds(ms), 0)).Code);

    [Fact]
    public void TheMembersAreBounded()
    {
        for (var i = 0; i < Membership.MaxMembers; i++)
            group.Join($"m{i}", Session, 0);
        Assert.Throws<MqException>(() => group.Join("one more", Session, 0));
        Assert.False(group.Join("m1", Session, 0));
    }

    /// <summary>In every history each partition is read by exactly one member, and the generation rises exactly when members change.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void EveryPartitionHasOneReader(int seed)
    {
        var random = new Random(seed);
        var (model, now) = (new Dictionary<string, long>(), 0L);
        for (var step = 0; step < 2000; step++)
        {
            now += random.Next(0, 800);
            if (random.Next(50) == 0)
            {
                group = Reload(group, now);
                foreach (var known in model.Keys.ToList())
                    model[known] = now;
            }
            var (member, partitions, before) = ($"m{random.Next(12)}", random.Next(1, 20), group.Generation);
            var changed = 0;
            switch (random.Next(4))
            {
                case 0:
                    changed = group.Join(member, Session, now) ? 1 : 0;
                    Assert.Equal(changed == 0, model.ContainsKey(member));
                    model[member] = now;
                    break;
                case 1:
                    changed = group.Leave(member) ? 1 : 0;
                    Assert.Equal(changed == 1, model.Remove(member));
                    break;
                case 2:
                    if (group.Heartbeat(member, group.Generation, now) is null)
                        model[member] = now;
                    break;
                default:
                    var gone = model.Where(m => m.Value + 10_000 <= now).Select(m => m.Key).ToList();
                    gone.ForEach(m => model.Remove(m));
                    Assert.Equal(gone.Count, group.Expire(now));
                    changed = Math.Min(1, gone.Count);
                    break;
            }
            Assert.Equal(before + changed, group.Generation);
            Assert.Equal(model.Count == 0 ? null : model.Values.Min() + 10_000, group.NextDeadline);
            int? maxActive = random.Next(3) == 0 ? 1 : null;
            var shares = group.Describe(partitions, maxActive).SelectMany(m => m.Partitions).Order().ToList();
            Assert.Equal(model.Count == 0 ? [] : Enumerable.Range(0, partitions), shares);
        }
    }

    private static Membership Reload(Membership membership, long nowMs)
    {
        var document = new GroupDocument { Name = "g", Settings = new(), Declared = true, Membership = membership, CreatedAtMs = 0, LastUsedMs = 0 };
        return GroupDocument.FromJson(document.ToJson(), nowMs).Membership;
    }
}
