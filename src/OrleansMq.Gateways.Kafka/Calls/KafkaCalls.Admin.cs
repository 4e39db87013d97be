using System.Globalization;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Calls;

/// <summary>What administrators ask.</summary>
internal sealed partial class KafkaCalls
{
    private async Task<bool> DeleteTopics(short version, DeleteTopicsRequest request, KafkaWriter writer)
    {
        var results = await Each(
            request.Topics,
            async asked =>
            {
                if ((asked.Name ?? await NameOf(asked.Id)) is not { } name)
                    return new NamedResult("", KafkaError.UnknownTopicId, Id: asked.Id);
                if (!NameRule.IsValid(name))
                    return new NamedResult(name, KafkaError.InvalidTopic);
                await Broker.DeleteTopic(name, ended);
                return new NamedResult(name, KafkaError.None, Id: asked.Id);
            },
            (asked, e) => new NamedResult(asked.Name ?? "", KafkaErrors.Of(e.Code), e.Message, asked.Id));
        NamedResponse.Write(writer, version >= 1, results, withMessage: version >= 5, withId: version >= 6);
        return true;
    }

    private async Task<bool> CreatePartitions(CreatePartitionsRequest request, KafkaWriter writer)
    {
        var results = await Each(
            request.Topics,
            async topic =>
            {
                if (!NameRule.IsValid(topic.Topic))
                    return new NamedResult(topic.Topic, KafkaError.InvalidTopic);
                if (request.Topics.Count(other => other.Topic == topic.Topic) > 1)
                    return new NamedResult(topic.Topic, KafkaError.InvalidRequest, "The request names the topic more than once.");
                Demand(AccessOperations.Alter, ResourceKind.Topic, topic.Topic);
                if (Fault(topic, (await Broker.DescribeTopic(topic.Topic, ended)).Settings.Partitions) is { } fault)
                    return fault;
                // Any greater number goes, as it does with Kafka: its clients choose by themselves, and nothing promises them the order of a key over it.
                if (!request.ValidateOnly)
                    await Broker.GrowTopic(topic.Topic, topic.Count, breakKeyOrder: true, ended);
                return new NamedResult(topic.Topic, KafkaError.None);
            },
            (topic, e) => new NamedResult(topic.Topic, e.Code is ErrorCodes.Conflict or ErrorCodes.Malformed ? KafkaError.InvalidPartitions : KafkaErrors.Of(e.Code), e.Message));
        NamedResponse.Write(writer, throttled: true, results, withMessage: true);
        return true;
    }

    private static NamedResult? Fault(NewPartitions topic, int now)
    {
        if (topic.Count <= now)
            return new NamedResult(topic.Topic, KafkaError.InvalidPartitions, topic.Count == now ? $"The topic has {now} partitions already." : $"The topic has {now} partitions, and can't have {topic.Count}: they only grow.");
        if (topic.Count > TopicSettings.MaxPartitions)
            return new NamedResult(topic.Topic, KafkaError.InvalidPartitions, $"A topic has at most {TopicSettings.MaxPartitions} partitions; {topic.Count} were asked for.");
        // Who serves a partition is the broker's to say; that nodes are named for others than the new ones is a mistake all the same.
        return topic.Assigned is { } assigned && assigned != topic.Count - now
            ? new NamedResult(topic.Topic, KafkaError.InvalidReplicaAssignment, $"{topic.Count - now} partitions are new, and nodes are named for {assigned}.")
            : null;
    }

    private async Task<bool> DeleteRecords(DeleteRecordsRequest request, KafkaWriter writer)
    {
        var results = await Each<DeleteRecordsPartition, (long Start, KafkaError Error)>(
            request.Partitions,
            async part =>
            {
                if (!NameRule.IsValid(part.Topic))
                    return (-1, KafkaError.InvalidTopic);
                var offset = part.Offset == -1 ? await Broker.FindOffset(part.Topic, part.Partition, StartAt.Latest, ended) : part.Offset;
                return (await Broker.DeleteBefore(part.Topic, part.Partition, offset, ended), KafkaError.None);
            },
            (_, e) => (-1, e.Code == ErrorCodes.Malformed ? KafkaError.OffsetOutOfRange : KafkaErrors.Of(e.Code)));
        DeleteRecordsResponse.Write(writer, request.Partitions, results);
        return true;
    }

    /// <summary>What was acknowledged never changes with an epoch, so an epoch's end is no fork: all that readers may see is of it.</summary>
    private async Task<bool> OffsetForLeaderEpoch(short version, OffsetForLeaderEpochRequest request, KafkaWriter writer)
    {
        var results = await Each<EpochPartition, (long End, KafkaError Error)>(
            request.Partitions,
            async part => NameRule.IsValid(part.Topic)
                ? (await Broker.FindOffset(part.Topic, part.Partition, StartAt.Latest, ended), KafkaError.None)
                : (-1, KafkaError.InvalidTopic),
            (_, e) => (-1, KafkaErrors.Of(e.Code)));
        OffsetForLeaderEpochResponse.Write(writer, version, request.Partitions, results);
        return true;
    }

    private async Task<bool> DescribeConfigs(short version, DescribeConfigsRequest request, KafkaWriter writer)
    {
        var brokers = await Brokers();
        var results = await Each(
            request.Resources,
            async resource => resource.Kind switch
            {
                ConfigResource.Topic when !NameRule.IsValid(resource.Name) => new ConfigsResult(resource.Kind, resource.Name, KafkaError.InvalidTopic, null, []),
                ConfigResource.Topic => OfTopic(resource, (await Broker.DescribeTopic(resource.Name, ended)).Settings),
                ConfigResource.Broker when brokers.All.Any(node => node.Id.ToString(CultureInfo.InvariantCulture) == resource.Name) => OfNode(resource),
                _ => new ConfigsResult(resource.Kind, resource.Name, KafkaError.InvalidRequest, "Topics and nodes have settings, and a node is named by its number.", []),
            },
            (resource, e) => new ConfigsResult(
                resource.Kind, resource.Name, resource.Kind == ConfigResource.Broker && e.Code == ErrorCodes.Forbidden ? KafkaError.ClusterAuthorizationFailed : KafkaErrors.Of(e.Code), e.Message, []));
        DescribeConfigsResponse.Write(writer, version, request.Synonyms, results);
        return true;
    }

    private static ConfigsResult OfTopic(DescribeConfigsResource resource, TopicSettings settings) => new(
        resource.Kind,
        resource.Name,
        KafkaError.None,
        null,
        [.. from name in TopicConfigs.Names
            where resource.Names is null || resource.Names.Contains(name)
            let config = TopicConfigs.Read(settings, name)!.Value
            select new DescribedConfig(name, config.Value, config.IsDefault, false)]);

    private ConfigsResult OfNode(DescribeConfigsResource resource)
    {
        Demand(AccessOperations.Describe, ResourceKind.Cluster, "");
        (string Name, string Value)[] settings =
        [
            ("auto.create.topics.enable", Options.CreateTopics ? "true" : "false"),
            ("default.replication.factor", "1"),
            ("num.partitions", Options.DefaultPartitions.ToString(CultureInfo.InvariantCulture)),
            ("socket.request.max.bytes", Options.MaxRequestBytes.ToString(CultureInfo.InvariantCulture)),
        ];
        return new ConfigsResult(
            resource.Kind,
            resource.Name,
            KafkaError.None,
            null,
            [.. settings.Where(s => resource.Names is null || resource.Names.Contains(s.Name)).Select(s => new DescribedConfig(s.Name, s.Value, true, true))]);
    }

    private async Task<bool> AlterConfigs(AlterConfigsRequest request, KafkaWriter writer)
    {
        var results = await Each(
            request.Resources,
            resource => Alter(resource, request.ValidateOnly),
            (resource, e) => Refused(resource, e.Code is ErrorCodes.Malformed or ErrorCodes.NotAvailable ? KafkaError.InvalidConfig : KafkaErrors.Of(e.Code), e.Message));
        AlterConfigsResponse.Write(writer, results);
        return true;
    }

    private async ValueTask<ConfigsResult> Alter(AlterConfigsResource resource, bool validateOnly)
    {
        if (resource.Kind != ConfigResource.Topic)
            return Refused(resource, KafkaError.InvalidRequest, "Only topics' settings can be changed here.");
        if (!NameRule.IsValid(resource.Name))
            return Refused(resource, KafkaError.InvalidTopic, null);
        var change = new TopicChange();
        try
        {
            foreach (var (name, operation, value) in resource.Changes)
            {
                if (operation is not (ConfigOperation.Set or ConfigOperation.Delete))
                    throw new InvalidConfigException($"{name} is no list: it can be set or deleted.");
                change = TopicConfigs.Set(change, name, operation == ConfigOperation.Delete ? null : value ?? throw new InvalidConfigException($"{name} has no value."));
            }
        }
        catch (InvalidConfigException e)
        {
            return Refused(resource, KafkaError.InvalidConfig, e.Message);
        }
        Demand(AccessOperations.Alter, ResourceKind.Topic, resource.Name);
        // PutTopic would make it.
        _ = await Broker.DescribeTopic(resource.Name, ended);
        if (!validateOnly)
            await Broker.PutTopic(resource.Name, change, ended);
        return new ConfigsResult(resource.Kind, resource.Name, KafkaError.None, null, []);
    }

    private static ConfigsResult Refused(AlterConfigsResource resource, KafkaError error, string? why) => new(resource.Kind, resource.Name, error, why, []);
}
