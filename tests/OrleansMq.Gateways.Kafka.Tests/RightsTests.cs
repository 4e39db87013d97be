using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>Each request over Kafka's protocol with each permission: allowed, or refused with the number that Kafka has for it, and nothing else.</summary>
public sealed class RightsTests : IAsyncLifetime
{
    private static readonly AccessOperations[] Operations = [.. Enum.GetValues<AccessOperations>().Where(one => one is not (AccessOperations.None or AccessOperations.Admin))];

    private static readonly ResourceKind[] Kinds = [ResourceKind.Topic, ResourceKind.Group, ResourceKind.Producer];

    /// <param name="Name">A request, or one of the things that a kind of request can ask for.</param>
    /// <param name="Errors">Where the answer's errors are.</param>
    /// <param name="Ways">Each is a set of what has to be allowed on the topic t, the group g, the producer p or the cluster.</param>
    private sealed record Call(string Name, ApiKey Key, Action<KafkaWriter> Body, Func<Answer, KafkaError> Errors, params (AccessOperations Operation, ResourceKind Kind)[][] Ways)
    {
        public override string ToString() => Name;
    }

    /// <summary>By names alone: who may not see a topic can't know its id.</summary>
    private static short VersionOf(ApiKey key) => key == ApiKey.Fetch ? (short)12 : Apis.All.Single(served => served.Key == key).Max;

    /// <summary>Reads an answer in its kind's last version.</summary>
    private sealed class Answer(ReadOnlyMemory<byte> bytes, bool flexible)
    {
        private int _at;

        public byte Byte() => Take((ref KafkaReader reader) => reader.Byte());
        public KafkaError Error() => (KafkaError)Take((ref KafkaReader reader) => reader.Int16());
        public int Int32() => Take((ref KafkaReader reader) => reader.Int32());
        public long Int64() => Take((ref KafkaReader reader) => reader.Int64());
        public string? String() => Take((ref KafkaReader reader) => reader.NullableString());
        public int Count() => Take((ref KafkaReader reader) => reader.NullableCount(1));

        public Answer Skip(int bytes)
        {
            _at += bytes;
            return this;
        }

        private delegate T Read<out T>(ref KafkaReader reader);

        private T Take<T>(Read<T> read)
        {
            var reader = new KafkaReader(bytes[_at..], flexible);
            var value = read(ref reader);
            Assert.False(reader.Failed);
            _at = bytes.Length - reader.Remaining;
            return value;
        }
    }

    /// <summary>For whoever came in.</summary>
    private static readonly (AccessOperations, ResourceKind)[] Nothing = [];

    private static readonly byte[] Batch = Requests.Batch();

    private static readonly Call[] Calls =
    [
        new("Produce", ApiKey.Produce, w => Produce(w, null), OfProduce, Topic(AccessOperations.Produce)),
        new("Produce in a transaction", ApiKey.Produce, w => Produce(w, "p"), OfProduce, [(AccessOperations.Produce, ResourceKind.Topic), (AccessOperations.Produce, ResourceKind.Producer)]),
        new("Fetch", ApiKey.Fetch, Fetch, r => OfPartition(r.Skip(10)), Topic(AccessOperations.Consume), Topic(AccessOperations.Browse)),
        new("ListOffsets", ApiKey.ListOffsets, w => ListOffsets(w, committed: false), r => OfPartition(r.Skip(4)), Topic(AccessOperations.Describe)),
        new("ListOffsets of what is committed", ApiKey.ListOffsets, w => ListOffsets(w, committed: true), r => OfPartition(r.Skip(4)), Topic(AccessOperations.Consume), Topic(AccessOperations.Browse)),
        new("Metadata", ApiKey.Metadata, w => { w.Count(1); w.Id(Guid.Empty); w.NullableString("t"); w.Tags(); w.Bool(false); w.Bool(false); w.Tags(); }, OfMetadata, Topic(AccessOperations.Describe)),
        new("Metadata that makes the topic", ApiKey.Metadata, w => { w.Count(1); w.Id(Guid.Empty); w.NullableString("new"); w.Tags(); w.Bool(true); w.Bool(false); w.Tags(); }, OfMetadata, [(AccessOperations.Describe, ResourceKind.Topic), (AccessOperations.Create, ResourceKind.Topic)]),
        new("OffsetCommit", ApiKey.OffsetCommit, w =>
        {
            w.String("g"); w.Int32(-1); w.String(""); w.NullableString(null); w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Int64(0); w.Int32(-1); w.NullableString(null); w.Tags(); w.Tags(); w.Tags();
        }, r => OfPartition(r.Skip(4)), [(AccessOperations.Consume, ResourceKind.Topic), (AccessOperations.Consume, ResourceKind.Group)]),
        new("OffsetFetch", ApiKey.OffsetFetch, w => { w.Count(1); w.String("g"); w.NullableString(null); w.Int32(-1); w.Count(1); w.String("t"); w.Int32Array([0]); w.Tags(); w.Tags(); w.Bool(false); w.Tags(); }, OfOffsetFetch, [(AccessOperations.Describe, ResourceKind.Topic), (AccessOperations.Describe, ResourceKind.Group)]),
        new("FindCoordinator of a group", ApiKey.FindCoordinator, w => { w.Byte(0); w.Count(1); w.String("g"); w.Tags(); }, OfCoordinator, [(AccessOperations.Describe, ResourceKind.Group)]),
        new("FindCoordinator of a transactional id", ApiKey.FindCoordinator, w => { w.Byte(1); w.Count(1); w.String("p"); w.Tags(); }, OfCoordinator, [(AccessOperations.Describe, ResourceKind.Producer)]),
        new("JoinGroup", ApiKey.JoinGroup, w =>
        {
            w.String("g"); w.Int32(10_000); w.Int32(10); w.String(""); w.NullableString(null); w.String("consumer"); w.Count(1); w.String("range"); w.Bytes([]); w.Tags(); w.Tags();
        }, AfterThrottle, Group(AccessOperations.Consume)),
        new("SyncGroup", ApiKey.SyncGroup, w => { w.String("g"); w.Int32(1); w.String("m"); w.NullableString(null); w.Count(0); w.Tags(); }, AfterThrottle, Group(AccessOperations.Consume)),
        new("Heartbeat", ApiKey.Heartbeat, w => { w.String("g"); w.Int32(1); w.String("m"); w.NullableString(null); w.Tags(); }, AfterThrottle, Group(AccessOperations.Consume)),
        new("LeaveGroup", ApiKey.LeaveGroup, w => { w.String("g"); w.Count(1); w.String("m"); w.NullableString(null); w.Tags(); w.Tags(); }, AfterThrottle, Group(AccessOperations.Consume)),
        new("DescribeGroups", ApiKey.DescribeGroups, w => { w.Count(1); w.String("g"); w.Bool(false); w.Tags(); }, r => First(r.Skip(4)).Error(), Group(AccessOperations.Describe)),
        new("ListGroups", ApiKey.ListGroups, w => { w.Count(0); w.Count(0); w.Tags(); }, AfterThrottle, Nothing),
        new("ConsumerGroupHeartbeat", ApiKey.ConsumerGroupHeartbeat, w =>
        {
            w.String("g"); w.String("m"); w.Int32(0); w.NullableString(null); w.NullableString(null); w.Int32(1000); w.Count(1); w.String("t"); w.NullableString(null); w.NullableString(null); w.Count(0); w.Tags();
        }, AfterThrottle, [(AccessOperations.Consume, ResourceKind.Group), (AccessOperations.Describe, ResourceKind.Topic)]),
        new("ConsumerGroupDescribe", ApiKey.ConsumerGroupDescribe, w => { w.Count(1); w.String("g"); w.Bool(false); w.Tags(); }, r => First(r.Skip(4)).Error(), [(AccessOperations.Describe, ResourceKind.Group), (AccessOperations.Describe, ResourceKind.Topic)]),
        new("DeleteGroups", ApiKey.DeleteGroups, w => { w.Count(1); w.String("g"); w.Tags(); }, OfNamed, Group(AccessOperations.Delete)),
        new("ApiVersions", ApiKey.ApiVersions, w => { w.String("a"); w.String("1"); w.Tags(); }, r => r.Error(), Nothing),
        new("CreateTopics", ApiKey.CreateTopics, w => Create(w, "new", only: false), OfCreated, Topic(AccessOperations.Create)),
        new("CreateTopics, only asked", ApiKey.CreateTopics, w => Create(w, "new", only: true), OfCreated, Topic(AccessOperations.Create)),
        new("DeleteTopics", ApiKey.DeleteTopics, w => { w.Count(1); w.NullableString("t"); w.Id(Guid.Empty); w.Tags(); w.Int32(1); w.Tags(); }, r => Named(r.Skip(4)).Skip(16).Error(), Topic(AccessOperations.Delete)),
        new("CreatePartitions", ApiKey.CreatePartitions, w => { w.Count(1); w.String("t"); w.Int32(2); w.Count(-1); w.Tags(); w.Int32(1); w.Bool(false); w.Tags(); }, OfNamed, Topic(AccessOperations.Alter)),
        new("DeleteRecords", ApiKey.DeleteRecords, w => { w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Int64(-1); w.Tags(); w.Tags(); w.Int32(1); w.Tags(); }, r => OfPartition(r.Skip(4), 12), Topic(AccessOperations.Delete)),
        new("OffsetForLeaderEpoch", ApiKey.OffsetForLeaderEpoch, w =>
        {
            w.Int32(-1); w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Int32(-1); w.Int32(1); w.Tags(); w.Tags(); w.Tags();
        }, r => OfPartition(r.Skip(4), 0), Topic(AccessOperations.Describe)),
        new("DescribeConfigs of a topic", ApiKey.DescribeConfigs, w => { w.Count(1); w.Byte(2); w.String("t"); w.Count(-1); w.Tags(); w.Bool(false); w.Bool(false); w.Tags(); }, r => First(r.Skip(4)).Error(), Topic(AccessOperations.Describe)),
        new("DescribeConfigs of a node", ApiKey.DescribeConfigs, w => { w.Count(1); w.Byte(4); w.String(NodeId); w.Count(-1); w.Tags(); w.Bool(false); w.Bool(false); w.Tags(); }, r => First(r.Skip(4)).Error(), [(AccessOperations.Describe, ResourceKind.Cluster)]),
        new("IncrementalAlterConfigs", ApiKey.IncrementalAlterConfigs, w => Alter(w, only: false), r => First(r.Skip(4)).Error(), Topic(AccessOperations.Alter)),
        new("IncrementalAlterConfigs, only asked", ApiKey.IncrementalAlterConfigs, w => Alter(w, only: true), r => First(r.Skip(4)).Error(), Topic(AccessOperations.Alter)),
        new("InitProducerId", ApiKey.InitProducerId, w => { w.NullableString(null); w.Int32(1); w.Int64(-1); w.Int16(-1); w.Tags(); }, AfterThrottle, Topic(AccessOperations.Produce)),
        new("InitProducerId of a transactional id", ApiKey.InitProducerId, w => { w.NullableString("p"); w.Int32(60_000); w.Int64(-1); w.Int16(-1); w.Tags(); }, AfterThrottle, Producer),
        new("AddPartitionsToTxn", ApiKey.AddPartitionsToTxn, w => { Transaction(w); w.Count(1); w.String("t"); w.Int32Array([0]); w.Tags(); w.Tags(); }, r => OfPartition(r.Skip(4)), [(AccessOperations.Produce, ResourceKind.Topic), (AccessOperations.Produce, ResourceKind.Producer)]),
        new("AddOffsetsToTxn", ApiKey.AddOffsetsToTxn, w => { Transaction(w); w.String("g"); w.Tags(); }, AfterThrottle, [(AccessOperations.Consume, ResourceKind.Group), (AccessOperations.Produce, ResourceKind.Producer)]),
        new("TxnOffsetCommit", ApiKey.TxnOffsetCommit, w =>
        {
            w.String("p"); w.String("g"); w.Int64(1); w.Int16(0); w.Int32(-1); w.String(""); w.NullableString(null);
            w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Int64(0); w.Int32(-1); w.NullableString(null); w.Tags(); w.Tags(); w.Tags();
        }, r => OfPartition(r.Skip(4)), [(AccessOperations.Consume, ResourceKind.Topic), (AccessOperations.Consume, ResourceKind.Group), (AccessOperations.Produce, ResourceKind.Producer)]),
        new("EndTxn", ApiKey.EndTxn, w => { Transaction(w); w.Bool(true); w.Tags(); }, AfterThrottle, Producer),
    ];

    private static string NodeId => BrokerMap.Of(new ClusterDescription("", []), "test", "h:1", "h:1").Self.Id.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private readonly List<string> _refusals = [];
    private Guarded _guarded = null!;
    private RawClient _client = null!;

    public async Task InitializeAsync()
    {
        _guarded = await Guarded.Start(options => options with { Node = "test" }, (_, what, on, refused) => { if (refused) _refusals.Add($"{what} {on}"); });
        _client = await _guarded.Connect();
        await _client.ComeIn();
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        await _guarded.DisposeAsync();
    }

    [Fact]
    public void EveryKindOfRequestStandsInTheTable() => Assert.Equal(
        Apis.All.Select(api => api.Key).Except([ApiKey.SaslHandshake, ApiKey.SaslAuthenticate]).Order(), Calls.Select(call => call.Key).Distinct().Order());

    [Fact]
    public async Task EachRequestIsAllowedByEachOfItsWaysAndRefusedWithoutAnyPartOfIt()
    {
        foreach (var call in Calls)
        {
            foreach (var way in call.Ways)
            {
                Assert.True(await Try(call, way) is null, $"{call} is refused with {string.Join(", ", way)}: {string.Join(", ", _refusals)}.");
                foreach (var part in way)
                {
                    var refusal = await Try(call, [.. way.Where(one => one != part)]);
                    Assert.True(refusal is not null, $"{call} is allowed without {part}.");
                    Assert.True(refusal == NumberOf(call, part), $"{call} without {part} is refused as {refusal}.");
                }
            }
        }
    }

    [Fact]
    public async Task NoOtherOperationOpensARequest()
    {
        foreach (var call in Calls.Where(call => call.Ways.All(way => way.Length > 0 && way.All(need => need.Kind != ResourceKind.Cluster))))
        {
            foreach (var operation in Operations)
            {
                var given = Kinds.Select(kind => (operation, kind)).ToArray();
                var expected = call.Ways.Any(way => way.All(need => operation == need.Operation || (need.Operation == AccessOperations.Describe && operation != AccessOperations.Create)));
                Assert.True(expected == await Try(call, given) is null, $"{call} with {operation} on everything: {(expected ? "refused" : "allowed")}.");
            }
        }
    }

    [Fact]
    public async Task ListsShowWhatTheCallerMaySee()
    {
        await _guarded.Broker.PutTopic("secret", new TopicChange());
        await _guarded.Broker.Coordinator.Commit("g", null, [new GroupOffset("t", 0, 0)]);
        await _guarded.Broker.Coordinator.Commit("others", null, [new GroupOffset("t", 0, 0)]);
        await _guarded.Allow(AccessOperations.Consume, ResourceKind.Topic, "t");
        await _guarded.Allow(AccessOperations.Consume, ResourceKind.Group, "g");

        var topics = await Ask(ApiKey.Metadata, w => { w.Count(-1); w.Bool(false); w.Bool(false); w.Tags(); });
        var groups = await Ask(ApiKey.ListGroups, w => { w.Count(0); w.Count(0); w.Tags(); });

        Assert.Equal((1, "t"), NamesIn(AfterBrokers(topics), before: 2));
        Assert.Equal((1, "g"), NamesIn(groups.Skip(6), before: 0));

        static (int Count, string? First) NamesIn(Answer reader, int before) => (reader.Count(), reader.Skip(before).String());
    }

    [Fact]
    public async Task APatternMatchesNoTopicWhoseRightWasTakenAwaySinceItWasLookedFor()
    {
        await _guarded.Broker.PutTopic("u", new TopicChange());
        await _guarded.Allow(AccessOperations.Consume, ResourceKind.Group, "g");
        await _guarded.Allow(AccessOperations.Describe, ResourceKind.Topic, "t");
        await _guarded.Allow(AccessOperations.Describe, ResourceKind.Topic, "u");
        Assert.Equal(KafkaError.None, await JoinByPattern("m", ".*"));
        await _guarded.Control.Directory.RemoveRule(_guarded.Control.State.Rules.Single(rule => rule.Name == "u").Id);

        Assert.Equal(KafkaError.None, await JoinByPattern("n", ".*"));

        var joined = (await _guarded.Broker.Coordinator.DescribeAssigned("g")).Members.Single(member => member.Member == "n");
        Assert.DoesNotContain("u", joined.Target.Select(topic => topic.Topic.Text));
    }

    [Fact]
    public async Task NoPatternIsLookedAtOfWhoMayNotReadInTheGroup()
    {
        Assert.Equal(KafkaError.GroupAuthorizationFailed, await JoinByPattern("m", "("));
        await _guarded.Allow(AccessOperations.Consume, ResourceKind.Group, "g");
        Assert.Equal(KafkaError.InvalidRegularExpression, await JoinByPattern("m", "("));
    }

    private async Task<KafkaError> JoinByPattern(string member, string pattern) => AfterThrottle(await Ask(ApiKey.ConsumerGroupHeartbeat, w =>
    {
        w.String("g"); w.String(member); w.Int32(0); w.NullableString(null); w.NullableString(null); w.Int32(1000); w.Count(-1); w.NullableString(pattern); w.NullableString(null); w.Count(0); w.Tags();
    }));

    /// <summary>The number by which Kafka says that this is what lacks.</summary>
    private static KafkaError NumberOf(Call call, (AccessOperations, ResourceKind Kind) part) => call.Name == "InitProducerId" ? KafkaError.ClusterAuthorizationFailed : part.Kind switch
    {
        ResourceKind.Topic => KafkaError.TopicAuthorizationFailed,
        ResourceKind.Group => KafkaError.GroupAuthorizationFailed,
        ResourceKind.Producer => KafkaError.TransactionalIdAuthorizationFailed,
        _ => KafkaError.ClusterAuthorizationFailed,
    };

    /// <returns>Null: allowed. Else the number it was refused with.</returns>
    private async Task<KafkaError?> Try(Call call, IReadOnlyList<(AccessOperations Operation, ResourceKind Kind)> rules)
    {
        foreach (var rule in _guarded.Control.State.Rules.Where(rule => rule.Who == "anna"))
            await _guarded.Control.Directory.RemoveRule(rule.Id);
        foreach (var (operation, kind) in rules)
        {
            foreach (var name in kind switch { ResourceKind.Topic => new[] { "t", "new" }, ResourceKind.Group => ["g"], ResourceKind.Producer => ["p"], _ => [""] })
                await _guarded.Allow(operation, kind, name);
        }
        // What a call before has taken away or made.
        await _guarded.Broker.PutTopic("t", new TopicChange());
        if ((await _guarded.Broker.ListTopics("new")).Items.Count > 0)
            await _guarded.Broker.DeleteTopic("new");
        _refusals.Clear();
        var error = call.Errors(await Ask(call.Key, call.Body));
        var refused = error is KafkaError.TopicAuthorizationFailed or KafkaError.GroupAuthorizationFailed or KafkaError.TransactionalIdAuthorizationFailed or KafkaError.ClusterAuthorizationFailed;
        Assert.True(refused || _refusals.Count == 0, $"{call}: a third outcome: {error}, and the trail has {string.Join(", ", _refusals)}.");
        return refused ? error : null;
    }

    private async Task<Answer> Ask(ApiKey key, Action<KafkaWriter> body)
    {
        var answer = await _client.Ask(Logins.FrameOf(key, VersionOf(key), body));
        var flexible = Apis.IsFlexible(key, VersionOf(key));
        return new Answer(answer.AsMemory(flexible && key != ApiKey.ApiVersions ? 5 : 4), flexible);
    }

    private static (AccessOperations, ResourceKind)[] Topic(AccessOperations operation) => [(operation, ResourceKind.Topic)];

    private static (AccessOperations, ResourceKind)[] Group(AccessOperations operation) => [(operation, ResourceKind.Group)];

    private static (AccessOperations, ResourceKind)[] Producer => [(AccessOperations.Produce, ResourceKind.Producer)];

    private static void Produce(KafkaWriter w, string? transaction)
    {
        w.NullableString(transaction); w.Int16(-1); w.Int32(1000); w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Bytes(Batch); w.Tags(); w.Tags(); w.Tags();
    }

    private static void Fetch(KafkaWriter w)
    {
        w.Int32(-1); w.Int32(0); w.Int32(0); w.Int32(1 << 20); w.Byte(0); w.Int32(0); w.Int32(-1);
        w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Int32(-1); w.Int64(0); w.Int32(-1); w.Int64(-1); w.Int32(1 << 20); w.Tags(); w.Tags(); w.Count(0); w.String(""); w.Tags();
    }

    private static void ListOffsets(KafkaWriter w, bool committed)
    {
        w.Int32(-1); w.Byte(committed ? (byte)1 : (byte)0); w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Int32(-1); w.Int64(-1); w.Tags(); w.Tags(); w.Tags();
    }

    private static void Create(KafkaWriter w, string name, bool only)
    {
        w.Count(1); w.String(name); w.Int32(1); w.Int16(-1); w.Count(0); w.Count(0); w.Tags(); w.Int32(1); w.Bool(only); w.Tags();
    }

    private static void Alter(KafkaWriter w, bool only)
    {
        w.Count(1); w.Byte(2); w.String("t"); w.Count(1); w.String("retention.ms"); w.Byte(0); w.NullableString("60000"); w.Tags(); w.Tags(); w.Bool(only); w.Tags();
    }

    private static void Transaction(KafkaWriter w)
    {
        w.String("p"); w.Int64(1); w.Int16(0);
    }

    private static KafkaError AfterThrottle(Answer reader) => reader.Skip(4).Error();

    /// <summary>Within the first of an array.</summary>
    private static Answer First(Answer reader)
    {
        Assert.Equal(1, reader.Count());
        return reader;
    }

    private static Answer Named(Answer reader)
    {
        First(reader).String();
        return reader;
    }

    private static KafkaError OfNamed(Answer reader) => Named(reader.Skip(4)).Error();

    private static KafkaError OfCreated(Answer reader) => Named(reader.Skip(4)).Skip(16).Error();

    private static KafkaError OfProduce(Answer reader) => OfPartition(reader);

    /// <param name="before">Bytes of a partition's answer before its error.</param>
    private static KafkaError OfPartition(Answer reader, int before = 4) => First(Named(reader)).Skip(before).Error();

    private static Answer AfterBrokers(Answer reader)
    {
        for (var brokers = reader.Skip(4).Count(); brokers > 0; brokers--)
        {
            reader.Int32();
            reader.String();
            reader.Int32();
            reader.String();
            reader.Skip(1);
        }
        reader.String();
        reader.Int32();
        return reader;
    }

    private static KafkaError OfMetadata(Answer reader) => First(AfterBrokers(reader)).Error();

    private static KafkaError OfOffsetFetch(Answer reader)
    {
        Named(reader.Skip(4));
        // A group that may not be seen has no topics in its answer, and one that may has the topic's error or the group's.
        KafkaError ofTopic = KafkaError.None;
        for (var topics = reader.Count(); topics > 0; topics--)
        {
            reader.String();
            First(reader).Skip(4 + 8 + 4).String();
            ofTopic = reader.Error();
            reader.Skip(2);
        }
        var ofGroup = reader.Error();
        return ofGroup == KafkaError.None ? ofTopic : ofGroup;
    }

    private static KafkaError OfCoordinator(Answer reader)
    {
        Named(reader.Skip(4)).Int32();
        reader.String();
        return reader.Skip(4).Error();
    }
}
