using System.Globalization;

namespace OrleansMq.Client.Grains;

/// <summary>
/// The keys of grains, as text. They hold all that a grain must know to find what it serves, and a topic's id, so that a topic deleted and made again under its
/// name has other grains. Names hold no '/'.
/// <code>
/// ITopicGrain          TOPIC
/// IPartitionGrain      TOPICID/TOPIC/NUMBER
/// IConsumerGroupGrain  TOPICID/TOPIC/GROUP
/// ICoordinationGrain   GROUP
/// ITransactionGrain    TransactionalId.Key
/// </code>
/// </summary>
public static class GrainKeys
{
    public static string Partition(Guid topicId, TopicName topic, int number) =>
        string.Create(CultureInfo.InvariantCulture, $"{topicId:N}/{topic.Text}/{number}");

    public static string Group(Guid topicId, TopicName topic, GroupName group) => string.Create(CultureInfo.InvariantCulture, $"{topicId:N}/{topic.Text}/{group.Text}");

    /// <summary>Takes a partition's or a group's key apart.</summary>
    public static (Guid TopicId, TopicName Topic, string Last) Read(string key)
    {
        var parts = key.Split('/');
        return parts.Length == 3 && Guid.TryParseExact(parts[0], "N", out var id)
            ? (id, new TopicName(parts[1]), parts[2])
            : throw new MqException(ErrorCodes.Malformed, $"'{key}' is no key of a partition or a group.");
    }
}
