using OrleansMq.Core.Catalog;
using OrleansMq.Core.Partitions;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Engine.Tests;

/// <summary>The filter that counts is the one that the topic knows, whatever a partition was told with.</summary>
public sealed class FilterOfTopicTests
{
    private static readonly GroupName Group = "g";
    private static readonly GroupSettings Older = new() { Filter = "mq.offset < 2", From = StartAt.Earliest };
    private static readonly GroupSettings Newer = Older with { Filter = "mq.offset >= 2" };

    [Fact]
    public async Task WhatAPartitionIsToldWithDoesNotReplaceWhatTheTopicKnowsSince()
    {
        await using var partition = await Open(new Topic { Group = Newer });
        await partition.EnsureGroup(new(Group, Guid.NewGuid(), true, Older));

        Assert.Equal([2L, 3L], await Receive(partition));
    }

    [Fact]
    public async Task AGroupThatTheTopicDoesNotKnowYetIsFilteredAsThePartitionWasTold()
    {
        await using var partition = await Open(new Topic());
        await partition.EnsureGroup(new(Group, Guid.NewGuid(), true, Older));

        Assert.Equal([0L, 1L], await Receive(partition));
    }

    [Fact]
    public async Task ALookByAFilterThatIsNoMorePassesNothingOver()
    {
        var topic = new Topic { Group = Older };
        await using var partition = await Open(topic);
        await partition.EnsureGroup(new(Group, Guid.NewGuid(), true, Older));
        // Nobody told the partition.
        topic.Group = Newer;

        Assert.Equal([2L, 3L], await Receive(partition));
        Assert.Equal(2, (await partition.Describe(Group)).Filtered);
    }

    private static async Task<PartitionEngine> Open(Topic topic)
    {
        var (storage, log) = (new VolatileStorage(), new LogId(Guid.NewGuid(), 0));
        await storage.CreateLog(log, new LogDefinition("t", default));
        var partition = await PartitionEngine.Open(storage, log, topic, new() { Time = TimeProvider.System, Scheduler = TaskScheduler.Default });
        var builder = new RecordBatchBuilder(100);
        for (var i = 0; i < 4; i++)
            MessageCodec.Append(builder, new Message { Body = new byte[1] }, 1);
        var request = new AppendRequest { Topic = "t", Partition = 0, Batch = builder.ToArray() };
        await partition.Append(BatchAdmission.Check(request, topic.Settings), Acks.Accepted, "", TimeSpan.Zero);
        return partition;
    }

    private static async Task<IEnumerable<long>> Receive(PartitionEngine partition) =>
        (await partition.Receive(Group, "c", 10, TimeSpan.FromHours(1))).Deliveries.Select(each => each.Position.Offset);

    private sealed class Topic : ITopicOfPartition
    {
        public GroupSettings? Group { get; set; }

        public string Name => "t";

        public TopicSettings Settings { get; } = new();

        public bool ReadsUnflushed => true;

        public PartitionLineage Lineage => PartitionLineage.Of(1);

        public bool TracksBacklog => false;

        public GroupSettings? FindGroup(string group) => Group;

        public AdmissionVerdict Admit(PartitionEngine partition, in AdmissionQuestion question) => new(AdmissionAnswer.Admit);

        public void RequestAdmissions(PartitionEngine partition, long admitted, int needed) => throw new NotSupportedException();

        public void NoteBacklog(PartitionEngine partition, Partition state)
        {
        }

        public void NoteInFlight(PartitionEngine partition, string group, int inFlight, string? holder)
        {
        }

        public void VisibleMoved(PartitionEngine partition)
        {
        }

        public void Deliverable(PartitionEngine partition, string group)
        {
        }
    }
}
