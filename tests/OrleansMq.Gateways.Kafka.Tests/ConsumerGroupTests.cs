using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>The consumer protocol (KIP-848), frame by frame.</summary>
public sealed partial class ConsumerGroupTests : IAsyncLifetime
{
    private Served _served = null!;
    private RawClient _client = null!;
    private Guid _id;

    private delegate T Read<out T>(ref KafkaReader reader);

    private sealed record Standing(KafkaError Error, string? Why, string? Member, int Epoch, int IntervalMs, IReadOnlyList<(Guid Topic, string Partitions)>? Assigned);

    public async Task InitializeAsync()
    {
        _served = await Served.Start(new KafkaGatewayOptions { ConsumerHeartbeat = TimeSpan.FromSeconds(2) });
        _client = await _served.Connect();
        _id = (await _served.Broker.PutTopic("t", new TopicChange { Partitions = 2 })).Id;
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        await _served.DisposeAsync();
    }

    [Fact]
    public async Task AMemberIsGivenPartitionsByTheTopicsIdAndMetadataHasItsName()
    {
        var joined = await Join("m");
        Assert.Equal((KafkaError.None, "m", 1, 2_000), (joined.Error, joined.Member, joined.Epoch, joined.IntervalMs));
        Assert.Equal([(_id, "0 1")], joined.Assigned!);
        Assert.Null((await Beat("m", 1)).Assigned);
        Assert.Equal((KafkaError.None, "t", _id), await MetadataOf(null, _id));
        Assert.Equal((KafkaError.None, "t", _id), await MetadataOf("t", Guid.Empty));
    }

    [Fact]
    public async Task AnIdOfATopicThatWasDeletedOrNeverThereIsUnknown()
    {
        Assert.Equal((KafkaError.None, "t", _id), await MetadataOf(null, _id));
        await _served.Broker.DeleteTopic("t");
        await _served.Broker.PutTopic("t", new TopicChange());
        Assert.Equal((KafkaError.UnknownTopicId, null, _id), await MetadataOf(null, _id));
        Assert.Equal((KafkaError.UnknownTopicId, null, Guid.Empty), await MetadataOf(null, Guid.Empty));
    }

    [Fact]
    public async Task ATopicIsFetchedByItsIdAndOneThatIsMadeAnewIsAnother()
    {
        await _served.Broker.Publish("t", [new Message { Body = new byte[1], Partition = 0 }]);
        Assert.Equal((_id, KafkaError.None, 1), await Fetch(_id));
        var unknown = Guid.NewGuid();
        Assert.Equal((unknown, KafkaError.UnknownTopicId, -1), await Fetch(unknown));
        var other = (await _served.Broker.PutTopic("u", new TopicChange())).Id;
        await MetadataOf("u", Guid.Empty);
        await _served.Broker.DeleteTopic("u");
        Assert.Equal((other, KafkaError.UnknownTopicId, -1), await Fetch(other));
        var again = (await _served.Broker.PutTopic("t2", new TopicChange())).Id;
        await MetadataOf("t2", Guid.Empty);
        await _served.Broker.DeleteTopic("t2");
        await _served.Broker.PutTopic("t2", new TopicChange());
        await _served.Broker.Publish("t2", [new Message { Body = new byte[1] }]);
        // Not one message of the new one is read by the old one's id, and its name leads to the new one.
        Assert.Equal((again, KafkaError.UnknownTopicId, -1), await Fetch(again));
        var (_, _, present) = await MetadataOf("t2", Guid.Empty);
        Assert.Equal((present, KafkaError.None, 1), await Fetch(present));
    }

    [Fact]
    public async Task UntilVersionOneTheMemberIsNamedHere()
    {
        var joined = await Join("", version: 0);
        Assert.Equal(KafkaError.None, joined.Error);
        Assert.NotEmpty(joined.Member!);
        Assert.Equal(KafkaError.InvalidRequest, (await Join("")).Error);
    }

    [Fact]
    public async Task EveryRefusalHasItsNumber()
    {
        await Join("m", instance: "one");
        Assert.Equal(KafkaError.FencedMemberEpoch, (await Beat("m", 9)).Error);
        Assert.Equal(KafkaError.UnknownMemberId, (await Beat("none", 1)).Error);
        Assert.Equal(KafkaError.UnreleasedInstanceId, (await Join("n", instance: "one")).Error);
        Assert.Equal(KafkaError.FencedInstanceId, (await Beat("n", 1, instance: "one")).Error);
        Assert.Equal(KafkaError.UnsupportedAssignor, (await Join("n", assignor: "mine")).Error);
        Assert.Equal(KafkaError.InvalidRegularExpression, (await Join("n", regex: "(")).Error);
        Assert.Equal(KafkaError.InvalidRequest, (await Beat("m", -3)).Error);
        Assert.Equal(KafkaError.InvalidGroupId, (await Join("n", group: "no/name")).Error);
        Assert.Equal((KafkaError.None, -1), ((await Beat("m", -1)) is var left ? left.Error : default, left.Epoch));
    }

    [Fact]
    public async Task OnlyThePresentEpochCommitsAndReadsWhatWasCommitted()
    {
        await _served.Broker.Publish("t", [new Message { Body = new byte[1], Partition = 0 }]);
        var epoch = (await Join("m")).Epoch;
        Assert.Equal(KafkaError.StaleMemberEpoch, await Commit("m", epoch + 1, version: 9));
        Assert.Equal(KafkaError.IllegalGeneration, await Commit("m", epoch + 1, version: 8));
        Assert.Equal(KafkaError.UnknownMemberId, await Commit("none", epoch, version: 9));
        Assert.Equal(KafkaError.UnknownMemberId, await Commit("", -1, version: 9));
        Assert.Equal(KafkaError.None, await Commit("m", epoch, version: 9));

        Assert.Equal((KafkaError.None, 1), await Committed("m", epoch));
        Assert.Equal((KafkaError.None, 1), await Committed(null, -1));
        Assert.Equal(KafkaError.StaleMemberEpoch, (await Committed("m", epoch + 1)).Error);
        Assert.Equal(KafkaError.UnknownMemberId, (await Committed("none", epoch)).Error);
    }

    [Fact]
    public async Task GroupsAreListedAndDescribedByTheirKind()
    {
        await Join("m");
        await _served.Broker.Coordinator.Commit("classic", null, [new GroupOffset("t", 0, 0)]);
        Assert.Equal("g consumer Stable", await Listed("CONSUMER"));
        Assert.Equal("classic classic Empty", await Listed("classic"));

        var described = await Ask(ApiKey.ConsumerGroupDescribe, 0, w => { w.Count(2); w.String("g"); w.String("classic"); w.Bool(false); w.Tags(); }, (ref KafkaReader r) =>
        {
            r.Int32();
            Assert.Equal(2, r.Count(1));
            var (error, why, name, state, epoch, assigned, assignor) = (r.Int16(), r.NullableString(), r.String(), r.String(), r.Int32(), r.Int32(), r.String());
            Assert.Equal((0, null, "g", "Stable", 1, 1, "uniform"), (error, why, name, state, epoch, assigned, assignor));
            Assert.Equal(1, r.Count(1));
            var (member, _, _, memberEpoch, client, _) = (r.String(), r.NullableString(), r.NullableString(), r.Int32(), r.String(), r.String());
            Assert.Equal(("m", 1, "test"), (member, memberEpoch, client));
            Assert.Equal(["t"], r.StringArray());
            Assert.Null(r.NullableString());
            for (var i = 0; i < 2; i++)
            {
                Assert.Equal(1, r.Count(1));
                Assert.Equal((_id, "t"), (r.Id(), r.String()));
                Assert.Equal([0, 1], r.Int32Array());
                r.Tags();
                r.Tags();
            }
            r.Tags();
            r.Int32();
            r.Tags();
            return (KafkaError)r.Int16();
        });
        Assert.Equal(KafkaError.GroupIdNotFound, described);
        var classic = await Ask(ApiKey.DescribeGroups, 5, w => { w.Count(1); w.String("g"); w.Bool(false); w.Tags(); }, (ref KafkaReader r) =>
        {
            r.Int32();
            r.Count(1);
            return ((KafkaError)r.Int16(), r.String(), r.String());
        });
        Assert.Equal((KafkaError.None, "g", "Dead"), classic);
    }

    [Fact]
    public async Task AClassicMemberComesWhenTheOthersAreGoneAndTheOtherWayRound()
    {
        await Join("m");
        Assert.Equal(KafkaError.InconsistentGroupProtocol, await JoinClassic());
        await Beat("m", -1);
        Assert.Equal(KafkaError.MemberIdRequired, await JoinClassic());
        await _served.Broker.Coordinator.Join("g", new GroupJoin { Session = TimeSpan.FromSeconds(30), Rebalance = TimeSpan.FromSeconds(1), ProtocolType = "consumer", Protocols = [new GroupProtocol("range", default)] });
        Assert.Equal(KafkaError.GroupIdNotFound, (await Join("m")).Error);
    }

    [Fact]
    public async Task ATopicIsDeletedByItsId()
    {
        Assert.Equal(KafkaError.UnknownTopicId, await Delete(Guid.NewGuid()));
        await MetadataOf("t", Guid.Empty);
        Assert.Equal(KafkaError.None, await Delete(_id));
        Assert.Empty((await _served.Broker.ListTopics()).Items);
    }

    [Theory]
    [InlineData("t.*", "t1", true)]
    [InlineData("t.*", "at1", false)]
    [InlineData("^a|b$", "b", true)]
    [InlineData("a", "ab", false)]
    public void APatternIsOfTheWholeName(string pattern, string name, bool matches) => Assert.Equal(matches, TopicPattern.Parse(pattern, out _)!.Matches(name));

    [Theory]
    [InlineData("(")]
    [InlineData(@"(a)\1")]
    [InlineData("(?=a)")]
    [InlineData("a)|(b")]
    [InlineData("((((a{1000}){1000}){1000}){1000}){1000}")]
    public void APatternThatCantBeOrCouldTakeLongIsRefused(string pattern)
    {
        Assert.Null(TopicPattern.Parse(pattern, out var why));
        Assert.NotEmpty(why!);
    }

    [Fact]
    public void APatternHasALimit()
    {
        Assert.NotNull(TopicPattern.Parse(new string('a', TopicPattern.MaxLength), out _));
        Assert.Null(TopicPattern.Parse(new string('a', TopicPattern.MaxLength + 1), out var why));
        Assert.Contains(TopicPattern.MaxLength.ToString(System.Globalization.CultureInfo.InvariantCulture), why);
    }

    private Task<Standing> Join(string member, short version = 1, string group = "g", string[]? topics = null, string? regex = null, string? instance = null, string? assignor = null) =>
        Beat(member, 0, version, group, regex is null ? topics ?? ["t"] : topics, regex, instance, assignor, full: true);

    private Task<Standing> Beat(
        string member, int epoch, short version = 1, string group = "g", string[]? topics = null, string? regex = null, string? instance = null, string? assignor = null, bool full = false) => Ask(
        ApiKey.ConsumerGroupHeartbeat,
        version,
        w =>
        {
            w.String(group); w.String(member); w.Int32(epoch); w.NullableString(instance); w.NullableString(null); w.Int32(full ? 60_000 : -1);
            w.Count(topics?.Length ?? -1);
            foreach (var topic in topics ?? [])
                w.String(topic);
            if (version >= 1)
                w.NullableString(regex);
            w.NullableString(assignor); w.Count(full ? 0 : -1); w.Tags();
        },
        (ref KafkaReader r) =>
        {
            r.Int32();
            var (error, why, name, at, interval) = ((KafkaError)r.Int16(), r.NullableString(), r.NullableString(), r.Int32(), r.Int32());
            List<(Guid, string)>? assigned = null;
            if (r.Byte() == 1)
            {
                assigned = [];
                for (var count = r.Count(1); count > 0; count--)
                {
                    assigned.Add((r.Id(), string.Join(' ', r.Int32Array())));
                    r.Tags();
                }
                r.Tags();
            }
            r.Tags();
            Assert.True(r.IsWhole);
            return new Standing(error, why, name, at, interval, assigned);
        });

    private Task<(Guid, KafkaError, long)> Fetch(Guid id) => Ask(
        ApiKey.Fetch, 13,
        w =>
        {
            w.Int32(-1); w.Int32(0); w.Int32(0); w.Int32(1 << 20); w.Byte(0); w.Int32(0); w.Int32(-1);
            w.Count(1); w.Id(id); w.Count(1); w.Int32(0); w.Int32(-1); w.Int64(0); w.Int32(-1); w.Int64(-1); w.Int32(1 << 20); w.Tags(); w.Tags(); w.Count(0); w.String(""); w.Tags();
        },
        (ref KafkaReader r) =>
        {
            r.Int32();
            r.Int16();
            r.Int32();
            Assert.Equal(1, r.Count(1));
            var topic = r.Id();
            Assert.Equal(1, r.Count(1));
            r.Int32();
            return (topic, (KafkaError)r.Int16(), r.Int64());
        });

    private Task<(KafkaError, string?, Guid)> MetadataOf(string? name, Guid id) => Ask(
        ApiKey.Metadata, 12, w => { w.Count(1); w.Id(id); w.NullableString(name); w.Tags(); w.Bool(false); w.Bool(false); w.Tags(); },
        (ref KafkaReader r) =>
        {
            r.Int32();
            for (var brokers = r.Count(1); brokers > 0; brokers--)
            {
                r.Int32();
                r.String();
                r.Int32();
                r.NullableString();
                r.Tags();
            }
            r.NullableString();
            r.Int32();
            Assert.Equal(1, r.Count(1));
            return ((KafkaError)r.Int16(), r.NullableString(), r.Id());
        });

    private Task<KafkaError> Commit(string member, int epoch, short version) => Ask(
        ApiKey.OffsetCommit, version,
        w => { w.String("g"); w.Int32(epoch); w.String(member); w.NullableString(null); w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Int64(1); w.Int32(-1); w.NullableString(null); w.Tags(); w.Tags(); w.Tags(); },
        (ref KafkaReader r) =>
        {
            r.Int32();
            r.Count(1);
            r.String();
            r.Count(1);
            r.Int32();
            return (KafkaError)r.Int16();
        });

    private Task<(KafkaError Error, long Offset)> Committed(string? member, int epoch) => Ask(
        ApiKey.OffsetFetch, 9,
        w => { w.Count(1); w.String("g"); w.NullableString(member); w.Int32(epoch); w.Count(1); w.String("t"); w.Int32Array([0]); w.Tags(); w.Tags(); w.Bool(false); w.Tags(); },
        (ref KafkaReader r) =>
        {
            r.Int32();
            r.Count(1);
            r.String();
            r.Count(1);
            r.String();
            r.Count(1);
            r.Int32();
            var offset = r.Int64();
            r.Int32();
            r.NullableString();
            r.Int16();
            r.Tags();
            r.Tags();
            return ((KafkaError)r.Int16(), offset);
        });

    private Task<string> Listed(string kind) => Ask(
        ApiKey.ListGroups, 5, w => { w.Count(0); w.Count(1); w.String(kind); w.Tags(); },
        (ref KafkaReader r) =>
        {
            r.Int32();
            r.Int16();
            Assert.Equal(1, r.Count(1));
            var (name, _, state, type) = (r.String(), r.String(), r.String(), r.String());
            return $"{name} {type} {state}";
        });

    private Task<KafkaError> JoinClassic() => Ask(
        ApiKey.JoinGroup, 6,
        w => { w.String("g"); w.Int32(10_000); w.Int32(10_000); w.String(""); w.NullableString(null); w.String("consumer"); w.Count(1); w.String("range"); w.Bytes([]); w.Tags(); w.Tags(); },
        (ref KafkaReader r) =>
        {
            r.Int32();
            return (KafkaError)r.Int16();
        });

    private Task<KafkaError> Delete(Guid id) => Ask(
        ApiKey.DeleteTopics, 6, w => { w.Count(1); w.NullableString(null); w.Id(id); w.Tags(); w.Int32(1000); w.Tags(); },
        (ref KafkaReader r) =>
        {
            r.Int32();
            r.Count(1);
            r.String();
            Assert.Equal(id, r.Id());
            return (KafkaError)r.Int16();
        });

    private async Task<T> Ask<T>(ApiKey key, short version, Action<KafkaWriter> body, Read<T> read)
    {
        var answer = await _client.Ask(Logins.FrameOf(key, version, body));
        var flexible = Apis.IsFlexible(key, version);
        var reader = new KafkaReader(answer.AsMemory(flexible ? 5 : 4), flexible);
        var result = read(ref reader);
        Assert.False(reader.Failed);
        return result;
    }
}
