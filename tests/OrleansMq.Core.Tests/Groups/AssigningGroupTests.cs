using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;
using Xunit;

namespace OrleansMq.Core.Tests.Groups;

public sealed partial class AssigningGroupTests
{
    private static readonly Guid T = Guid.Parse("00000000-0000-0000-0000-0000000000aa");

    private readonly Dictionary<string, SeenTopic?> topics = new() { ["t"] = new SeenTopic("t", T, 4) };
    private AssigningGroup group = new();
    private long now;

    [Fact]
    public void WhoComesAloneHasEverythingAtOnce()
    {
        var standing = Join("a");
        Assert.Equal((1, "0 1 2 3"), (standing.Epoch, Told(standing)));
        Assert.Null(Beat("a", 1)!.Assigned);
        Assert.Equal(GroupPhase.Stable, group.Phase);
    }

    [Fact]
    public void APartitionIsTheNewMembersOnlyWhenTheOldOneSaysThatItReadsItNoMore()
    {
        Join("a");
        var b = Join("b");
        Assert.Equal((2, ""), (b.Epoch, Told(b)));

        var asked = Beat("a", 1)!;
        Assert.Equal((1, "0 1"), (asked.Epoch, Told(asked)));
        Assert.Null(Beat("b", 2)!.Assigned);
        Assert.Null(Beat("a", 1, owned: [0, 1, 2, 3])!.Assigned);
        Assert.Null(Beat("b", 2)!.Assigned);
        Assert.Equal(GroupPhase.Reconciling, group.Phase);

        Assert.Equal(2, Beat("a", 1, owned: [0, 1])!.Epoch);
        Assert.Equal("2 3", Told(Beat("b", 2)!));
        Assert.Equal(GroupPhase.Stable, group.Phase);
    }

    [Fact]
    public void WhoGivesUpCommitsAtItsEpochUntilThenAndNotAfter()
    {
        Join("a");
        Join("b");
        Beat("a", 1);
        Assert.Null(group.CheckCommit(new MemberRef("a", 1)));
        Beat("a", 1, owned: [0, 1]);
        Assert.Equal(ErrorCodes.EpochStale, group.CheckCommit(new MemberRef("a", 1)));
        Assert.Null(group.CheckCommit(new MemberRef("a", 2)));
        Assert.Equal(ErrorCodes.MemberUnknown, group.CheckCommit(new MemberRef("c", 2)));
        Assert.Equal(ErrorCodes.MemberUnknown, group.CheckCommit(null));
    }

    [Fact]
    public void SilentMemberIsOutWhenItsSessionEndsAndItsPartitionsAreTheOthers()
    {
        Two();
        Pass(6_000);
        Beat("a", 2);
        Pass(4_000);
        Assert.Equal(1, group.Count);
        Assert.Equal((3, "0 1 2 3"), (group.Epoch, Told(Beat("a", 2)!)));
        Assert.Equal(ErrorCodes.MemberUnknown, Refused(Of("b", 2)));
        Assert.Null(group.CheckCommit(new MemberRef("a", 3)));
    }

    [Fact]
    public void WhoGivesUpTooSlowlyIsOutThoughItIsHeard()
    {
        Join("a");
        Join("b");
        Beat("a", 1);
        for (var second = 0; second < 60; second += 5)
        {
            Assert.Equal(2, group.Count);
            Beat("a", 1);
            Beat("b", group.Describe()[1].Epoch);
            Pass(5_000);
        }
        Assert.Equal(["b"], group.Describe().Select(m => m.Member));
        Assert.Equal("0 1 2 3", Told(Beat("b", 2)!));
    }

    [Fact]
    public void WhoLeavesGivesUpEverythingAtOnce()
    {
        Two();
        Assert.Equal(MemberBeat.Leaves, Beat("a", MemberBeat.Leaves)!.Epoch);
        Assert.Equal("0 1 2 3", Told(Beat("b", 2)!));
        Assert.Equal(ErrorCodes.MemberUnknown, Refused(Of("a", MemberBeat.Leaves)));
        // With no time and no wish, as @platformatic/kafka leaves.
        Assert.Null(Refused(Of("b", MemberBeat.Leaves) with { Rebalance = TimeSpan.Zero, Topics = [], Owned = [] }));
        Assert.Equal((GroupPhase.Empty, 4, null), (group.Phase, group.Epoch, group.NextDeadline));
        Assert.Null(group.CheckCommit(null));
    }

    [Fact]
    public void StaticMemberThatComesBackHasWhatItHadAndNobodyElseNotices()
    {
        Join("a", "one");
        Join("b", "two");
        Beat("a", 1);
        Beat("a", 1, owned: [0, 1]);
        Beat("b", 2);
        Beat("a", MemberBeat.ComesBack, "one");
        Assert.Null(Beat("b", 2)!.Assigned);

        var back = Join("a2", "one");
        Assert.Equal((2, "0 1"), (back.Epoch, Told(back)));
        Assert.Equal(2, group.Epoch);
        Assert.Equal(ErrorCodes.MemberUnknown, Refused(Of("a", 2)));
        Assert.Equal(ErrorCodes.MemberFenced, Refused(Of("a", 2) with { Instance = "one" }));
    }

    [Fact]
    public void StaticMemberThatIsAwayBeyondItsSessionIsOut()
    {
        Join("a", "one");
        Beat("a", MemberBeat.ComesBack, "one");
        Assert.Equal(ErrorCodes.EpochStale, group.CheckCommit(new MemberRef("a", 1)));
        Pass(10_000);
        Assert.Equal(0, group.Count);
    }

    [Fact]
    public void StaticNameIsAnothersUntilItIsGivenBack()
    {
        Join("a", "one");
        Assert.Equal(ErrorCodes.InstanceHeld, Refused(Joining("b") with { Instance = "one" }));
        Join("c");
        Assert.Equal(ErrorCodes.MemberFenced, Refused(Joining("c") with { Instance = "two" }));
    }

    /// <summary>The whole table of epochs: what a member at 3, before at 2, is answered.</summary>
    [Theory]
    [InlineData(3, null, false, null)]
    [InlineData(4, null, false, ErrorCodes.EpochFenced)]
    [InlineData(2, null, false, ErrorCodes.EpochFenced)]
    [InlineData(2, "0 1", false, null)]
    [InlineData(2, "0 3", false, ErrorCodes.EpochFenced)]
    [InlineData(2, null, true, null)]
    [InlineData(1, "0", true, ErrorCodes.EpochFenced)]
    [InlineData(0, "", false, null)]
    public void OnlyThePresentEpochCountsOrTheOneBeforeWhereTheAnswerGotLost(int epoch, string? owned, bool repeated, string? refusal)
    {
        Two();
        Beat("a", 2, topics: ["t", "none"]);
        var beat = (epoch == 0 ? Joining("a") : Of("a", epoch)) with { Owned = Owned(owned), Repeated = repeated };
        var decision = group.Beat(beat, topics.Looked(), now);
        Assert.Equal(refusal, decision.Error);
        if (refusal is null && epoch != 3)
            Assert.Equal("0 1", Told(decision.Standing!));
    }

    [Fact]
    public void WhoWasToldNothingAndAsksAgainIsToldWhatItHas()
    {
        Join("a");
        Assert.Equal("0 1 2 3", Told(group.Beat(Of("a", 1) with { Repeated = true }, topics.Looked(), now).Standing!));
        Assert.Equal("0 1 2 3", Told(group.Beat(Joining("a") with { Epoch = 1, Owned = [] }, topics.Looked(), now).Standing!));
    }

    [Fact]
    public void ATopicThatIsMadeGrowsOrGoesIsShared()
    {
        topics["t"] = null;
        Assert.Equal("", Told(Join("a")));
        topics["t"] = new SeenTopic("t", T, 2);
        group.Learn(topics.Looked());
        Assert.Equal("0 1", Told(Beat("a", 1)!));
        topics["t"] = new SeenTopic("t", T, 3);
        group.Learn(topics.Looked());
        Assert.Equal("0 1 2", Told(Beat("a", 2)!));
        group.Learn(topics.Looked());
        Assert.Equal(3, group.Epoch);
        topics["t"] = new SeenTopic("t", Guid.NewGuid(), 3);
        group.Learn(topics.Looked());
        Assert.Equal("", Told(Beat("a", 3)!));
        Assert.Equal(("0 1 2", 4), (Told(Beat("a", 3, owned: [])!), group.Epoch));
    }

    [Fact]
    public void TheWayThatMostWantIsTaken()
    {
        group.Beat(Joining("a") with { Assignor = "range" }, topics.Looked(), now);
        Assert.Equal("range", group.Assignor);
        group.Beat(Joining("b") with { Assignor = "uniform" }, topics.Looked(), now);
        Join("c");
        Assert.Equal("range", group.Assignor);
        group.Beat(Of("c", 3) with { Assignor = "uniform" }, topics.Looked(), now);
        Assert.Equal(("uniform", 4), (group.Assignor, group.Epoch));
        Assert.Equal(ErrorCodes.AssignorUnknown, Refused(Joining("d") with { Assignor = "mine" }));
    }

    public static TheoryData<string, MemberBeat> Malformed => new()
    {
        { "no name", Joining("") },
        { "a long name", Joining(Long) },
        { "a long static name", Joining("m") with { Instance = Long } },
        { "a long rack", Joining("m") with { Rack = Long } },
        { "a long client's id", Joining("m") with { Client = Long } },
        { "a long host", Joining("m") with { Host = Long } },
        { "an empty rack", Joining("m") with { Rack = "" } },
        { "an empty static name", Joining("m") with { Instance = "" } },
        { "an epoch below", Of("m", -3) },
        { "back without a static name", Of("m", MemberBeat.ComesBack) },
        { "no time to give up", Joining("m") with { Rebalance = null } },
        { "none at all", Joining("m") with { Rebalance = TimeSpan.Zero } },
        { "wants nothing", Joining("m") with { Topics = null } },
        { "reads already", Joining("m") with { Owned = Owned("0") } },
        { "reads too much", Of("m", 1) with { Owned = [new OwnedTopic(T, new int[AssigningGroup.MaxPartitions + 1])] } },
        { "too many topics", Joining("m") with { Topics = [.. Enumerable.Range(0, AssigningGroup.MaxTopics + 1).Select(i => new TopicName($"t{i}"))] } },
        { "a long pattern", Joining("m") with { Pattern = new string('p', AssigningGroup.MaxPatternLength + 1) } },
        { "a short session", Joining("m") with { Session = TimeSpan.FromMilliseconds(1) } },
    };

    private static string Long => new('m', MemberNames.MaxLength + 1);

    [Fact]
    public void NamesMayBeAsLongAsTheLimit()
    {
        var longest = new string('m', MemberNames.MaxLength);
        Assert.Null(Refused(Joining(longest) with { Instance = longest, Rack = longest, Client = longest, Host = longest }));
        Assert.Null(MemberNames.TooLong(Classic(longest)));
        Assert.Contains("255 characters at most; 256 were given", MemberNames.TooLong(Classic(longest) with { Client = Long }));
        Assert.NotNull(MemberNames.TooLong(Classic(Long)));
        Assert.NotNull(MemberNames.TooLong(Classic("m") with { Instance = Long }));
        Assert.NotNull(MemberNames.TooLong(Classic("m") with { Host = Long }));

        static GroupJoin Classic(string member) => new() { Member = member, Session = TimeSpan.FromSeconds(10), Rebalance = TimeSpan.FromSeconds(10), ProtocolType = "consumer", Protocols = [] };
    }

    [Fact]
    public void SessionsEndInTimeHoweverManyBeatsWentByMeanwhile()
    {
        Join("a");
        Join("b");
        for (var second = 1; second <= 20; second++)
        {
            Pass(1_000);
            Beat("a", group.Describe()[0].Epoch, owned: []);
            Assert.Equal(second < 10 ? 2 : 1, group.Count);
            Assert.InRange(group.NextDeadline!.Value, now + 1, now + 10_000);
        }
        Pass(10_000);
        Assert.Null(group.NextDeadline);
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void WhatCantBeIsRefusedAndLeavesNothing(string what, MemberBeat beat)
    {
        var decision = group.Beat(beat, topics.Looked(), now);
        Assert.True(decision is { Error: ErrorCodes.Malformed, Why: not null }, what);
        Assert.Equal((0, 0), (group.Count, group.Version));
    }

    [Fact]
    public void MembersNamesAndPartitionsHaveTheirLimits()
    {
        topics["many"] = new SeenTopic("many", Guid.NewGuid(), AssigningGroup.MaxPartitions + 1);
        Assert.Equal(ErrorCodes.Overloaded, Refused(Joining("m") with { Topics = ["many"] }));
        for (var lists = 0; lists < 10; lists++)
            Assert.Null(Refused(Joining($"l{lists}") with { Topics = [.. Enumerable.Range(0, 9_999).Select(i => new TopicName($"{lists}-{i}"))] }));
        Assert.Null(Refused(Joining("same") with { Topics = [.. Enumerable.Range(0, 9_999).Select(i => new TopicName($"1-{i}"))] }));
        Assert.Equal(ErrorCodes.Overloaded, Refused(Joining("one more") with { Topics = [.. Enumerable.Range(0, 11).Select(i => new TopicName($"more-{i}"))] }));
        group = new AssigningGroup();
        for (var i = 0; i < AssigningGroup.MaxMembers; i++)
            Assert.Null(Refused(Joining($"m{i}")));
        Assert.Equal(ErrorCodes.Overloaded, Refused(Joining("one more")));
    }

    [Fact]
    public void StoredGroupGoesOnWhereItWas()
    {
        Join("a", "one");
        Join("b");
        Beat("a", 1);
        Pass(5_000);
        Reload();
        Assert.Null(Beat("b", 2)!.Assigned);
        Assert.Null(group.CheckCommit(new MemberRef("a", 1)));
        Assert.Equal(2, Beat("a", 1, owned: [0, 1])!.Epoch);
        Reload();
        Assert.Equal("2 3", Told(Beat("b", 2)!));
        Pass(9_999);
        Assert.Equal(2, group.Count);
        Pass(1);
        Assert.Equal((0, 3), (group.Count, group.Epoch));
        Reload();
        Assert.Equal(4, Join("c").Epoch);
    }

    [Fact]
    public void ADocumentIsOfTheSecondVersionOnceTheBrokerAssignedInItsGroup()
    {
        Assert.Contains("\"version\":1", Json(CoordinationDocument.New("g", now)));
        Join("a");
        Assert.Contains("\"version\":2", Json(CoordinationDocument.New("g", now) with { Assigning = group, Kind = GroupKind.Consumer }));
        // Also when it is classic again: its epoch is not to be used twice.
        Assert.Contains("\"version\":2", Json(CoordinationDocument.New("g", now) with { Assigning = group }));
        // As the first ones were stored.
        var first = Json(CoordinationDocument.New("g", now) with { Assigning = group, Kind = GroupKind.Consumer }).Replace("\"version\":2", "\"version\":1");
        Assert.Equal(1, CoordinationDocument.FromJson(System.Text.Encoding.UTF8.GetBytes(first), now).Assigning.Count);

        static string Json(CoordinationDocument document) => System.Text.Encoding.UTF8.GetString(document.ToJson());
    }

    [Fact]
    public void InAnyHistoryAPartitionHasOneReaderAndAllAreReadInTheEnd()
    {
        for (var seed = 1; seed <= 300; seed++)
            new AssigningHistory(seed).Run();
    }

    private MemberStanding Join(string name, string? instance = null) => group.Beat(Joining(name) with { Instance = instance }, topics.Looked(), now).Standing!;

    private MemberStanding? Beat(string name, int epoch, string? instance = null, int[]? owned = null, string[]? topics = null) => group.Beat(
        Of(name, epoch) with { Instance = instance, Owned = owned is null ? null : [new OwnedTopic(T, owned)], Topics = topics?.Select(topic => new TopicName(topic)).ToList() }, this.topics.Looked(), now).Standing;

    private string? Refused(MemberBeat beat) => group.Beat(beat, topics.Looked(), now).Error;

    /// <summary>a has 0 and 1, b has 2 and 3, at epoch 2.</summary>
    private void Two()
    {
        Join("a");
        Join("b");
        Beat("a", 1);
        Beat("a", 1, owned: [0, 1]);
        Assert.Equal("2 3", Told(Beat("b", 2)!));
    }

    private void Pass(long ms)
    {
        now += ms;
        group.Tick(now);
    }

    private void Reload()
    {
        var document = CoordinationDocument.New("g", now) with { Assigning = group, Kind = GroupKind.Consumer };
        var loaded = CoordinationDocument.FromJson(document.ToJson(), now);
        Assert.Equal(GroupKind.Consumer, loaded.Kind);
        group = loaded.Assigning;
    }

    private static MemberBeat Of(string name, int epoch) => new() { Member = name, Epoch = epoch, Session = TimeSpan.FromSeconds(10) };

    private static MemberBeat Joining(string name) => Of(name, 0) with { Rebalance = TimeSpan.FromSeconds(60), Topics = ["t"], Owned = [] };

    private static OwnedTopic[]? Owned(string? partitions) =>
        partitions is null ? null : partitions.Length == 0 ? [] : [new OwnedTopic(T, [.. partitions.Split(' ').Select(int.Parse)])];

    private static string Told(MemberStanding standing) => string.Join(' ', Assert.IsAssignableFrom<IReadOnlyList<AssignedTopic>>(standing.Assigned).SelectMany(topic => topic.Partitions));
}
