using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;
using Xunit;

namespace OrleansMq.Core.Tests.Groups;

public sealed class RebalancingGroupTests
{
    private RebalancingGroup group = new();
    private long now;

    [Fact]
    public void MembersThatComeTogetherFormOneGenerationAndTheLeaderAssigns()
    {
        Assert.True(Join("a").Waits);
        Assert.True(Join("b").Waits);
        Assert.Empty(group.TakeAnswers());
        Pass(RebalancingGroup.InitialDelayMs);
        Assert.Equal([("a-1", true, null), ("b-1", true, null)], Answers());
        Assert.Equal((1, "a-1"), (group.Generation, group.Leader));
        Assert.Equal(["a-1", "b-1"], group.Joined("a-1").Members.Select(m => m.Member));
        Assert.Empty(group.Joined("b-1").Members);

        Assert.True(group.Sync(new MemberRef("b-1", 1), [], now).Waits);
        Assert.Empty(group.TakeAnswers());
        group.Sync(new MemberRef("a-1", 1), [new MemberAssignment("b-1", new byte[] { 7 })], now);
        Assert.Equal([("a-1", false, null), ("b-1", false, null)], Answers());
        Assert.Equal([7], group.AssignmentOf("b-1").ToArray());
        Assert.Equal(GroupPhase.Stable, group.Phase);
    }

    [Fact]
    public void NewcomerMakesTheOthersJoinAgainAndWhoDoesNotIsOut()
    {
        Stable("a", "b");
        Assert.True(Join("c").Waits);
        Assert.Equal(ErrorCodes.RebalanceInProgress, group.Heartbeat(new MemberRef("a-1", 1), now));
        Again("a-1");
        Assert.Empty(group.TakeAnswers());
        Pass(60_000);
        Assert.Equal([("a-1", true, null), ("c-1", true, null)], Answers());
        Assert.Equal(ErrorCodes.MemberUnknown, group.Heartbeat(new MemberRef("b-1", 1), now));
        Assert.Equal(ErrorCodes.GenerationStale, group.CheckCommit(new MemberRef("a-1", 1), now));
    }

    [Fact]
    public void SilentMemberIsOutWhenItsSessionEndsAndItsCommitIsRefused()
    {
        Stable("a", "b");
        Pass(5_000);
        Assert.Null(group.Heartbeat(new MemberRef("a-1", 1), now));
        Pass(6_000);
        Assert.Equal(ErrorCodes.MemberUnknown, group.CheckCommit(new MemberRef("b-1", 1), now));
        Assert.Equal(GroupPhase.PreparingRebalance, group.Phase);
        Again("a-1");
        Assert.Equal([("a-1", true, null)], Answers());
    }

    [Fact]
    public void StaticMemberComesBackWithoutARebalanceAndFencesItsOldSelf()
    {
        Join("a", instance: "one");
        Pass(RebalancingGroup.InitialDelayMs);
        group.Sync(new MemberRef("a-1", 1, "one"), [new MemberAssignment("a-1", new byte[] { 9 })], now);
        group.TakeAnswers();

        var back = group.Join(Of(instance: "one"), "a-2", now);
        Assert.Equal(("a-2", false, "a-1"), (back.Member, back.Waits, back.ShownLeader));
        Assert.Equal(1, group.Generation);
        Assert.Equal([9], group.AssignmentOf("a-2").ToArray());
        Assert.Equal(ErrorCodes.MemberFenced, group.Heartbeat(new MemberRef("a-1", 1, "one"), now));
        Assert.Null(group.Heartbeat(new MemberRef("a-2", 1, "one"), now));
    }

    [Fact]
    public void NewMemberIsNamedFirstAndLeavesNothingBehindIfItDoesNotComeAgain()
    {
        var named = group.Join(Of() with { NameFirst = true }, "a-1", now);
        Assert.Equal((true, 0), (named.OnlyNamed, group.Count));
        Pass(10_000);
        Assert.Equal(ErrorCodes.MemberUnknown, group.Join(Of() with { Member = "a-1" }, "", now).Error);
        Assert.Null(group.NextDeadline);
    }

    [Fact]
    public void MemberThatSharesNoProtocolIsRefused()
    {
        Join("a");
        Assert.Equal(ErrorCodes.ProtocolMismatch, group.Join(Of() with { Protocols = [new GroupProtocol("other", default)] }, "b-1", now).Error);
        Assert.Equal(ErrorCodes.ProtocolMismatch, group.Join(Of() with { ProtocolType = "connect" }, "b-1", now).Error);
        Assert.Equal(ErrorCodes.Malformed, group.Join(Of() with { Session = TimeSpan.FromHours(1) }, "b-1", now).Error);
    }

    [Fact]
    public void LastMemberToLeaveEmptiesTheGroupAndTheGenerationGoesOn()
    {
        Stable("a");
        Assert.Null(group.Leave(new MemberRef("a-1", 0), now));
        Assert.Equal((GroupPhase.Empty, 2), (group.Phase, group.Generation));
        Assert.Null(group.CheckCommit(null, now));
        Assert.Equal(ErrorCodes.MemberUnknown, group.Leave(new MemberRef("a-1", 0), now));
    }

    [Fact]
    public void StoredGroupGoesOnWithoutARebalance()
    {
        Stable("a", "b");
        Reload();
        Assert.Null(group.Heartbeat(new MemberRef("b-1", 1), now));
        Assert.Equal((GroupPhase.Stable, "range", "a-1"), (group.Phase, group.Protocol, group.Leader));
        Join("c");
        Reload();
        Assert.Equal(ErrorCodes.RebalanceInProgress, group.Heartbeat(new MemberRef("b-1", 1), now));
    }

    [Fact]
    public void AnyHistoryEndsStableOrEmptyAndGenerationsOnlyRise()
    {
        for (var seed = 1; seed <= 200; seed++)
        {
            (group, now) = (new RebalancingGroup(), 0);
            var random = new Random(seed);
            var waiting = new HashSet<string>();
            for (var (step, generation) = (0, 0); step < 200; step++)
            {
                var name = $"m{random.Next(5)}";
                switch (random.Next(6))
                {
                    case 0: Note(group.Join(Of(), name + step, now)); break;
                    case 1 when group.Count > 0: Note(group.Join(Of() with { Member = group.Describe()[0].Member }, "", now)); break;
                    case 2 when group.Count > 0: Note(group.Sync(new MemberRef(group.Describe()[^1].Member, group.Generation), [], now)); break;
                    case 3 when group.Count > 0: group.Leave(new MemberRef(group.Describe()[0].Member, 0), now); break;
                    case 4: Pass(random.Next(5_000)); break;
                    default: group.Heartbeat(new MemberRef(name, group.Generation), now); break;
                }
                foreach (var answer in group.TakeAnswers())
                    Assert.True(waiting.Remove(answer.Member), $"seed {seed}, step {step}: {answer.Member} did not wait");
                Assert.InRange(group.Generation, generation, int.MaxValue);
                generation = group.Generation;
            }
            for (var turn = 0; turn < 20; turn++)
                Pass(60_000);
            foreach (var answer in group.TakeAnswers())
                waiting.Remove(answer.Member);
            Assert.Equal((GroupPhase.Empty, 0), (group.Phase, waiting.Count));

            void Note(GroupDecision decision)
            {
                if (decision.Waits)
                    waiting.Add(decision.Member);
            }
        }
    }

    private static GroupJoin Of(string? instance = null) => new()
    {
        Instance = instance,
        Session = TimeSpan.FromSeconds(10),
        Rebalance = TimeSpan.FromSeconds(60),
        ProtocolType = "consumer",
        Protocols = [new GroupProtocol("range", new byte[] { 1 })],
    };

    private GroupDecision Join(string name, string? instance = null) => group.Join(Of(instance), name + "-1", now);

    private void Again(string member) => group.Join(Of() with { Member = member }, "", now);

    private void Stable(params string[] names)
    {
        foreach (var name in names)
            Join(name);
        Pass(RebalancingGroup.InitialDelayMs);
        foreach (var name in names.Reverse())
            group.Sync(new MemberRef(name + "-1", 1), [], now);
        group.TakeAnswers();
        Assert.Equal(GroupPhase.Stable, group.Phase);
    }

    private void Pass(long ms)
    {
        now += ms;
        group.Tick(now);
    }

    private void Reload()
    {
        var document = CoordinationDocument.New("g", now) with { Members = group };
        group = CoordinationDocument.FromJson(document.ToJson(), now).Members;
    }

    private List<(string, bool, string?)> Answers() => [.. group.TakeAnswers().Select(a => (a.Member, a.Joins, a.Error)).OrderBy(a => a.Member, StringComparer.Ordinal)];
}
