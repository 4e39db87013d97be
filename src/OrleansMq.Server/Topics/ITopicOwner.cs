using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Topics;

namespace OrleansMq.Server.Topics;

/// <summary>What partitions and groups ask of their topic's grain.</summary>
[Alias("OrleansMq.ITopicOwner")]
internal interface ITopicOwner : IGrainWithStringKey
{
    /// <summary>The partition is at work and is to be told of changes. To be repeated now and then: what was not heard is heard then.</summary>
    /// <param name="known">The revision that it has; 0 for none.</param>
    /// <returns>Null: there is no such topic any more.</returns>
    [Alias("Attach"), ResponseTimeout("00:00:15")]
    Task<TopicAnswer?> Attach(Guid id, int partition, long known);

    /// <summary>How many partitions the topic has, and had.</summary>
    /// <returns>Null: there is no such topic.</returns>
    [Alias("FindLineage"), ResponseTimeout("00:00:10")]
    Task<PartitionLineage?> FindLineage(Guid id);

    [Alias("Exists"), ResponseTimeout("00:00:10")]
    Task<bool> Exists();

    /// <summary>Whether the topic has a group with dead letters under this name, and what the topic is.</summary>
    [Alias("FindDeadLetters"), ResponseTimeout("00:00:10")]
    Task<TopicView?> FindDeadLetters(GroupName group);

    /// <summary>Takes a new group's name, and tells the partitions of the group.</summary>
    [Alias("AddGroup"), ResponseTimeout("00:00:20")]
    Task AddGroup(GroupDefinition group);

    /// <summary>Tells the partitions of a group's new settings.</summary>
    [Alias("ChangeGroup"), ResponseTimeout("00:00:20")]
    Task ChangeGroup(GroupDefinition group);

    [Alias("RemoveGroup"), ResponseTimeout("00:00:20")]
    Task RemoveGroup(GroupName group, Guid id);

    /// <summary>Forgets a group that its own grain does not know.</summary>
    [Alias("DropIfGone"), ResponseTimeout("00:00:20")]
    Task DropIfGone(GroupName group);

    /// <summary>Whether messages may come in, by the limits over all partitions.</summary>
    /// <param name="holding">What the partition that asks holds now; null where it does not know yet.</param>
    [Alias("Admit"), ResponseTimeout("00:00:05")]
    Task<AdmissionVerdict> Admit(Guid id, int partition, AdmissionQuestion question, PartitionHolding? holding);

    [Alias("NoteHolding"), ResponseTimeout("00:00:05")]
    Task NoteHolding(Guid id, int partition, PartitionHolding holding);

    [Alias("RequestAdmissions"), ResponseTimeout("00:00:10")]
    Task<AdmissionGrant> RequestAdmissions(Guid id, int partition, long admitted, int needed);

    /// <summary>A topic of this name was being deleted when its silo was lost, or when something of it could not be cleared away: what is left of it goes. May be called twice.</summary>
    [Alias("FinishDeletion"), ResponseTimeout("00:05:00")]
    Task FinishDeletion(Guid id, int logs);
}

/// <summary>A topic with all its groups, as partitions know it.</summary>
/// <param name="Revision">A greater one is newer, also over activations of the topic's grain.</param>
[GenerateSerializer, Immutable, Alias("OrleansMq.TopicView")]
internal sealed record TopicView(long Revision, Guid Id, TopicSettings Settings, GroupDefinition[] Groups, PartitionLineage Lineage);

/// <param name="View">Null: the revision that is known is the newest.</param>
[GenerateSerializer, Immutable, Alias("OrleansMq.TopicAnswer")]
internal sealed record TopicAnswer(TopicView? View);
