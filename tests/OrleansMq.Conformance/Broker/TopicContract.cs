using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Topics are made, changed, listed, deleted; nothing is made by accident.</summary>
public abstract class TopicContract : BrokerContract
{
    [Fact]
    public Task ANewTopicHasItsSettingsAndIsEmpty() => Story(async broker =>
    {
        var made = await broker.PutTopic("orders", new() { Partitions = 3, MaxMessages = 1000, WhenFull = WhenFull.DropOldest });

        Assert.True(made.Created);
        var topic = await broker.DescribeTopic("orders");
        Assert.Equal((3, 1000, WhenFull.DropOldest), (topic.Settings.Partitions, topic.Settings.MaxMessages, topic.Settings.WhenFull));
        Assert.Equal(new TopicSettings().Retention, topic.Settings.Retention);
        Assert.Equal([0, 1, 2], topic.Partitions.Select(partition => partition.Partition));
        Assert.All(topic.Partitions, partition => Assert.Equal((0, 0, null), (partition.Start, partition.End, partition.Error)));
        Assert.False(topic.Created);
    });

    [Fact]
    public Task AChangeKeepsWhatItDoesNotName() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2, MaxMessages = 1000 });

        var changed = await broker.PutTopic("t", new() { Retention = TimeSpan.FromDays(1) });

        Assert.False(changed.Created);
        Assert.Equal((2, 1000, TimeSpan.FromDays(1)), (changed.Settings.Partitions, changed.Settings.MaxMessages, changed.Settings.Retention));
        Assert.Equal(changed.Settings, (await broker.DescribeTopic("t")).Settings);
    });

    [Fact]
    public Task DefaultRestoresTheDefault() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxMessages = 1000, KeepUnsettled = false });

        var changed = await broker.PutTopic("t", new() { MaxMessages = Change<long?>.Default, KeepUnsettled = Change<bool>.Default });

        Assert.Null(changed.Settings.MaxMessages);
        Assert.True(changed.Settings.KeepUnsettled);
    });

    [Fact]
    public Task FewerPartitionsAreAConflict() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 3 });

        await Refused(ErrorCodes.Conflict, () => broker.PutTopic("t", new() { Partitions = 2 }));

        Assert.Equal(3, (await broker.DescribeTopic("t")).Settings.Partitions);
    });

    public static TheoryData<string> MalformedSettings => [.. Malformed.Keys];

    private static readonly Dictionary<string, TopicChange> Malformed = new()
    {
        ["partitions 0"] = new() { Partitions = 0 },
        ["partitions 10001"] = new() { Partitions = 10_001 },
        ["retention -1"] = new() { Retention = TimeSpan.FromMilliseconds(-1) },
        ["retentionBytes 0"] = new() { RetentionBytes = 0 },
        ["maxMessages 0"] = new() { MaxMessages = 0 },
        ["maxBytes -1"] = new() { MaxBytes = -1 },
        ["admit -1"] = new() { Admit = -1 },
        ["ratePerSecond 0"] = new() { RatePerSecond = 0 },
        ["producerRatePerSecond -1"] = new() { ProducerRatePerSecond = -1 },
        ["maxMessageBytes 0"] = new() { MaxMessageBytes = 0 },
        ["maxBatchBytes 0"] = new() { MaxBatchBytes = 0 },
        ["tokens -1"] = new() { TokenCount = -1 },
        ["tokens 8 days"] = new() { TokenAge = TimeSpan.FromDays(8) },
        ["compaction.dirtyRatio 1.1"] = new() { CompactDirtyRatio = 1.1 },
        ["compaction.minAgeMs -1"] = new() { CompactMinAge = TimeSpan.FromMilliseconds(-1) },
        ["compaction.tombstoneAgeMs -1"] = new() { TombstoneAge = TimeSpan.FromMilliseconds(-1) },
    };

    [Theory]
    [MemberData(nameof(MalformedSettings))]
    public Task AMalformedSettingIsRefusedByItsNameAndNothingIsMade(string setting) => Story(async broker =>
    {
        var refusal = await Refused(ErrorCodes.Malformed, () => broker.PutTopic("t", Malformed[setting]));

        Assert.Contains(setting.Split(' ')[0], refusal.Message, StringComparison.OrdinalIgnoreCase);
        await Refused(ErrorCodes.TopicUnknown, () => broker.DescribeTopic("t"));
    });

    [Fact]
    public Task ARefusedChangeChangesNothing() => Story(async broker =>
    {
        var before = await broker.PutTopic("t", new() { MaxMessages = 1000 });

        await Refused(ErrorCodes.Malformed, () => broker.PutTopic("t", new() { MaxMessages = 5, MaxMessageBytes = 0 }));

        Assert.Equal(before.Settings, (await broker.DescribeTopic("t")).Settings);
    });

    [Fact]
    public Task HowATopicIsCompactedIsKept() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { CompactDirtyRatio = 0.25, CompactMinAge = TimeSpan.FromMinutes(5), TombstoneAge = TimeSpan.Zero });
        await broker.PutTopic("t", new() { CompactMinAge = Change<TimeSpan?>.Default });

        var settings = (await broker.DescribeTopic("t")).Settings;

        Assert.Equal((0.25, null, TimeSpan.Zero), (settings.CompactDirtyRatio, settings.CompactMinAge, settings.TombstoneAge));
    });

    /// <summary>Storage that can't rewrite says so at once; there is no topic then.</summary>
    [Fact]
    public Task ACompactedTopicTakesNoMessageWithoutAKeyOrIsNotAvailable() => Story(async broker =>
    {
        try
        {
            Assert.True((await broker.PutTopic("t", new() { Compact = true })).Settings.Compact);
        }
        catch (MqException refusal) when (refusal.Code == ErrorCodes.NotAvailable)
        {
            await Refused(ErrorCodes.TopicUnknown, () => broker.DescribeTopic("t"));
            await broker.PutTopic("t", new());
            await Refused(ErrorCodes.NotAvailable, () => broker.PutTopic("t", new() { Compact = true }));
            Assert.False((await broker.DescribeTopic("t")).Settings.Compact);
            return;
        }

        await Refused(ErrorCodes.KeyMissing, () => broker.Publish("t", [Text("a", "k"), Text("b")]));
        await Refused(ErrorCodes.KeyMissing, () => broker.Publish("t", [Text("b") with { Token = "x" }]));
        await PublishKeyed(broker, "t", ("k", "a"), ("", "b"));
        await broker.Publish("t", [new Message { Key = "k"u8.ToArray(), Tombstone = true }]);
        await Refused(ErrorCodes.Malformed, () => broker.PutTopic("t", new() { WhenFull = WhenFull.DropOldest }));
        Assert.Equal(3, (await broker.DescribeTopic("t")).Partitions[0].End);

        await broker.PutTopic("t", new() { Compact = false });
        await broker.Publish("t", [Text("c")]);
    });

    [Fact]
    public Task NothingIsDoneToATopicThatIsNotThere() => Story(async broker =>
    {
        await Refused(ErrorCodes.TopicUnknown, () => broker.DescribeTopic("t"));
        await Refused(ErrorCodes.TopicUnknown, () => broker.DeleteTopic("t"));
        await Refused(ErrorCodes.TopicUnknown, () => broker.Publish("t", [Text("a")]));
        await Refused(ErrorCodes.TopicUnknown, () => broker.FindOffset("t", 0, StartAt.Earliest));
        await Refused(ErrorCodes.TopicUnknown, () => broker.DeleteBefore("t", 0, 0));
        await Refused(ErrorCodes.TopicUnknown, () => broker.PutGroup("t", "g", new()));
        await Refused(ErrorCodes.TopicUnknown, () => broker.ListGroups("t"));
        await Refused(ErrorCodes.TopicUnknown, () => broker.Receive("t", "g", new()));
        await Refused(ErrorCodes.TopicUnknown, () => broker.Join("t", "g", "m", TimeSpan.FromSeconds(10)));
        Assert.Empty((await broker.ListTopics()).Items);
    });

    [Fact]
    public Task ADeletedTopicIsGoneWithItsGroupsAndMessages() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a", "b");
        await broker.PutGroup("t", "g", new());

        await broker.DeleteTopic("t");

        await Refused(ErrorCodes.TopicUnknown, () => broker.DescribeTopic("t"));
        Assert.True((await broker.PutTopic("t", new())).Created);
        Assert.Empty(await broker.ReadAll("t"));
        await Refused(ErrorCodes.GroupUnknown, () => broker.DescribeGroup("t", "g"));
    });

    [Fact]
    public Task TopicsAreListedInOrderByPrefixAndByPage() => Story(async broker =>
    {
        foreach (var name in "b.2 a b.1 b.10 c".Split(' '))
            await broker.PutTopic(name, new());

        var first = await broker.ListTopics("b.", max: 2);
        var second = await broker.ListTopics("b.", first.Next, 2);

        Assert.Equal(["b.1", "b.10"], first.Items.Select(topic => topic.Text));
        Assert.NotNull(first.Next);
        Assert.Equal(["b.2"], second.Items.Select(topic => topic.Text));
        Assert.Null(second.Next);
        Assert.Equal(5, (await broker.ListTopics()).Items.Count);
    });

    [Theory]
    [InlineData(0)]
    [InlineData(1001)]
    public Task APageHasOneToAThousandNames(int max) => Story(async broker =>
        await Refused(ErrorCodes.Malformed, () => broker.ListTopics(max: max)));

    [Fact]
    public Task ATopicCannotTakeTheNameOfAGroupsDeadLetters() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());

        await Refused(ErrorCodes.NameTaken, () => broker.PutTopic("t.g.dlq", new()));
    });

    [Fact]
    public Task AGroupCannotTakeATopicsNameForItsDeadLetters() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutTopic("t.g.dlq", new());

        await Refused(ErrorCodes.NameTaken, () => broker.PutGroup("t", "g", new()));
        await Refused(ErrorCodes.NameTaken, () => broker.Receive("t", "g", new()));

        await Refused(ErrorCodes.GroupUnknown, () => broker.DescribeGroup("t", "g"));
    });

    [Fact]
    public Task APartitionThatTheTopicHasNotIsUnknown() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });

        await Refused(ErrorCodes.PartitionUnknown, () => broker.FindOffset("t", 2, StartAt.Earliest));
        await Refused(ErrorCodes.PartitionUnknown, () => broker.DeleteBefore("t", 2, 0));
        await Refused(ErrorCodes.PartitionUnknown, () => broker.Publish("t", [new Message { Partition = 2 }]));
    });

    [Fact]
    public Task TheClusterNamesItsNodes() => Story(async broker =>
    {
        var cluster = await broker.DescribeCluster();

        Assert.NotEmpty(cluster.Version);
        Assert.NotEmpty(cluster.Nodes);
    });
}
