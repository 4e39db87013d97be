namespace OrleansMq.Client.Grains;

/// <summary>A topic. Its key is the topic's name. For <see cref="ClusterBroker"/>; applications use <see cref="IBroker"/>.</summary>
[Alias("OrleansMq.ITopicGrain")]
public interface ITopicGrain : IGrainWithStringKey
{
    /// <summary>What the name means.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.TopicUnknown"/>.</exception>
    [Alias("Resolve"), ResponseTimeout("00:00:10")]
    Task<TopicTarget> Resolve();

    /// <summary>Creates or changes the topic.</summary>
    [Alias("Put")]
    Task<TopicDescription> Put(TopicChange change);

    /// <inheritdoc cref="IBroker.GrowTopic"/>
    [Alias("Grow")]
    Task<TopicDescription> Grow(int partitions, bool breakKeyOrder);

    [Alias("Describe")]
    Task<TopicDescription> Describe();

    /// <summary>Of clients of earlier releases.</summary>
    [Alias("Delete")]
    Task Delete();

    [Alias("ListGroups"), ResponseTimeout("00:00:10")]
    Task<Page<GroupName>> ListGroups(string? after, int max);

    /// <summary>Deletes the topic that has this id, and no other of its name.</summary>
    [Alias("DeleteOnly")]
    Task DeleteOnly(Guid id);
}

/// <summary>What a topic's name means: a topic, or the dead letters of a group of one.</summary>
/// <param name="Topic">Whose partitions hold it.</param>
/// <param name="DeadLettersOf">The group; null for a topic itself.</param>
[GenerateSerializer, Immutable, Alias("OrleansMq.TopicTarget")]
public sealed record TopicTarget(Guid Id, TopicName Topic, TopicSettings Settings, GroupName? DeadLettersOf);
