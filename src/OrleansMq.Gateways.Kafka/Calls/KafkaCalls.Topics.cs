using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Calls;

/// <summary>Topics: where they are, making them.</summary>
internal sealed partial class KafkaCalls
{
    /// <summary>Topics looked up at once.</summary>
    private const int LookupsAtOnce = 16;

    private async Task<bool> Metadata(short version, MetadataRequest request, KafkaWriter writer)
    {
        var brokers = await Brokers();
        var topics = new List<TopicMetadata>();
        foreach (var asked in request.Topics ?? [.. (await AllTopics()).Select(name => new AskedTopic(name, Guid.Empty))])
        {
            topics.Add(asked.Name is { } name
                ? await Describe(name, brokers, request.Topics is not null && request.MayCreate && Options.CreateTopics)
                : await Describe(asked.Id, brokers));
        }
        MetadataResponse.Write(writer, version, brokers, topics);
        return true;
    }

    private Task<IReadOnlyList<string>> AllTopics() => AllTopics(ended);

    private async Task<IReadOnlyList<string>> AllTopics(CancellationToken cancel)
    {
        var names = new List<string>();
        string? after = null;
        do
        {
            var page = await Broker.ListTopics("", after, 1_000, cancel);
            names.AddRange(page.Items.Select(topic => topic.Text));
            after = page.Next;
        }
        while (after is not null);
        return names;
    }

    /// <returns>Its name; null: no topic that the client may know has this id.</returns>
    private async ValueTask<string?> NameOf(Guid id)
    {
        if (await Has(desk.TopicIds.Find(Who, id)) is { } known)
            return known;
        desk.TopicIds.Forget(Who, id);
        if (!desk.TopicIds.BeginLook())
            return null;
        try
        {
            foreach (var some in desk.TopicIds.Unsure(Who, await AllTopics()).Chunk(LookupsAtOnce))
            {
                await Task.WhenAll(some.Select(HasNow));
                if (desk.TopicIds.Find(Who, id) is { } found)
                    return found;
            }
            return null;
        }
        finally
        {
            desk.TopicIds.EndLook();
        }

        async Task HasNow(string name)
        {
            try
            {
                await Has(name);
            }
            catch (MqException)
            {
                // Of another topic, or of this one, which nobody can read then: the client asks again.
            }
        }

        async ValueTask<string?> Has(string? name)
        {
            if (name is null || await FindTopic(name) is not { } topic)
                return null;
            desk.TopicIds.Note(Who, topic.Id, name);
            return topic.Id == id ? name : null;
        }
    }

    private async ValueTask<TopicMetadata> Describe(Guid id, BrokerMap brokers)
    {
        var unknown = new TopicMetadata(KafkaError.UnknownTopicId, null, [], id);
        try
        {
            return id != Guid.Empty && await NameOf(id) is { } name && await Describe(name, brokers, mayCreate: false) is var found && found.Id == id ? found : unknown;
        }
        catch (MqException e)
        {
            // Whoever may not describe it hears the same as where there is none.
            return e.IsRetriable ? unknown with { Error = KafkaError.LeaderNotAvailable } : unknown;
        }
    }

    private async ValueTask<TopicMetadata> Describe(string name, BrokerMap brokers, bool mayCreate)
    {
        if (!NameRule.IsValid(name))
            return new TopicMetadata(KafkaError.InvalidTopic, name, []);
        try
        {
            var topic = await FindTopic(name) ?? (mayCreate ? await Broker.PutTopic(name, OfKafka(new TopicChange(), Options.DefaultPartitions), ended) : null);
            desk.TopicIds.Note(Who, topic?.Id ?? Guid.Empty, name);
            return topic is null
                ? new TopicMetadata(KafkaError.UnknownTopicOrPartition, name, [])
                : new TopicMetadata(KafkaError.None, name, [.. topic.Partitions.Select(partition => new PartitionMetadata(partition.Partition, brokers.LeaderOf(partition.Owner)))], topic.Id);
        }
        catch (MqException e)
        {
            return new TopicMetadata(e.IsRetriable ? KafkaError.LeaderNotAvailable : KafkaErrors.Of(e.Code), name, []);
        }
    }

    private async ValueTask<TopicDescription?> FindTopic(TopicName topic)
    {
        try
        {
            return await Broker.DescribeTopic(topic, ended);
        }
        catch (MqException e) when (e.Code == ErrorCodes.TopicUnknown)
        {
            return null;
        }
    }

    /// <summary>As Kafka's own topics: retention wins over what a group has not read.</summary>
    private static TopicChange OfKafka(TopicChange change, int partitions) => change with { Partitions = partitions, KeepUnsettled = false };

    private async Task<bool> CreateTopics(short version, CreateTopicsRequest request, KafkaWriter writer)
    {
        var twice = request.Topics.GroupBy(topic => topic.Name).Where(same => same.Count() > 1).Select(same => same.Key).ToHashSet();
        var results = await Each(
            request.Topics,
            async topic =>
            {
                var result = twice.Contains(topic.Name) ? new NamedResult(topic.Name, KafkaError.InvalidRequest, "The topic is named twice.") : await Create(topic, request.ValidateOnly);
                return new CreatedTopic(result, PartitionsOf(topic), result.Id);
            },
            (topic, e) => new CreatedTopic(new NamedResult(topic.Name, e.Code == ErrorCodes.Malformed ? KafkaError.InvalidConfig : KafkaErrors.Of(e.Code), e.Message), 0));
        CreateTopicsResponse.Write(writer, version, results);
        return true;
    }

    private int PartitionsOf(NewTopic topic) => topic.Assigned.Count > 0 ? topic.Assigned.Count : topic.Partitions == -1 ? Options.DefaultPartitions : topic.Partitions;

    private async ValueTask<NamedResult> Create(NewTopic topic, bool validateOnly)
    {
        NamedResult Refused(KafkaError error, string why) => new(topic.Name, error, why);

        if (!NameRule.IsValid(topic.Name))
            return Refused(KafkaError.InvalidTopic, $"A topic's name has 1 to {NameRule.MaxLength} of A-Z a-z 0-9 . _ -.");
        var partitions = PartitionsOf(topic);
        if (partitions is < 1 or > TopicSettings.MaxPartitions)
            return Refused(KafkaError.InvalidPartitions, $"A topic has 1 to {TopicSettings.MaxPartitions} partitions; {partitions} were given.");
        if (topic.Assigned.Any(nodes => nodes != 1))
            return Refused(KafkaError.InvalidReplicaAssignment, "A partition is on one node here; its storage keeps the copies.");
        if (topic.Assigned.Count == 0 && topic.Replicas is not (-1 or 1))
            return Refused(KafkaError.InvalidReplicationFactor, $"The replication factor is 1 (or -1) here, the storage keeps the copies; {topic.Replicas} was given.");
        TopicChange change;
        try
        {
            change = OfKafka(TopicConfigs.Of(topic.Configs), partitions);
        }
        catch (InvalidConfigException e)
        {
            return Refused(KafkaError.InvalidConfig, e.Message);
        }
        // Whoever may create alone may not see whether it is there: then the guard looks.
        if (May(AccessOperations.Describe, ResourceKind.Topic, topic.Name) && await FindTopic(topic.Name) is not null)
            return Refused(KafkaError.TopicAlreadyExists, $"Topic '{topic.Name}' already exists.");
        Demand(AccessOperations.Create, ResourceKind.Topic, topic.Name);
        if (validateOnly)
            return new NamedResult(topic.Name, KafkaError.None);
        return await Broker.PutTopic(topic.Name, change, ended) is { Created: true } made
            ? new NamedResult(topic.Name, KafkaError.None, Id: made.Id)
            : Refused(KafkaError.TopicAlreadyExists, $"Topic '{topic.Name}' was made by somebody else meanwhile.");
    }
}
