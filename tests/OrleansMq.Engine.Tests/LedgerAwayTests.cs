using OrleansMq.Core.Catalog;
using OrleansMq.Core.Partitions;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Engine.Tests;

/// <summary>A partition whose topic's ledger of admissions does not answer.</summary>
public sealed class LedgerAwayTests
{
    [Fact]
    public async Task WhatTheLedgerSaidNothingOfIsToBeSentAgain()
    {
        var topic = new Topic();
        var (storage, log) = (new VolatileStorage(), new LogId(Guid.NewGuid(), 0));
        await storage.CreateLog(log, new LogDefinition("t", default));
        await using var partition = await PartitionEngine.Open(storage, log, topic, new() { Time = TimeProvider.System, Scheduler = TaskScheduler.Default });

        var failures = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Assert.ThrowsAsync<MqException>(() => Append(partition, topic))));

        Assert.All(failures, failure => Assert.Equal((ErrorCodes.PartitionUnavailable, true), (failure.Code, failure.RetryAfter > TimeSpan.Zero)));
        topic.Grant = new AdmissionGrant(1, 1);
        Assert.Equal(0, (await Append(partition, topic)).BaseOffset);
        topic.Grant = new AdmissionGrant(1, 2);
        Assert.Equal(ErrorCodes.AdmissionClosed, (await Assert.ThrowsAsync<MqException>(() => Append(partition, topic))).Code);
    }

    private static Task<AppendResult> Append(PartitionEngine partition, Topic topic)
    {
        var builder = new RecordBatchBuilder(100);
        MessageCodec.Append(builder, new Message { Body = new byte[1] }, 1);
        var request = new AppendRequest { Topic = "t", Partition = 0, Batch = builder.ToArray() };
        return partition.Append(BatchAdmission.Check(request, topic.Settings), Acks.Accepted, "", TimeSpan.Zero);
    }

    private sealed class Topic : ITopicOfPartition
    {
        /// <summary>Null: the ledger does not answer.</summary>
        public AdmissionGrant? Grant { get; set; }

        public string Name => "t";

        public TopicSettings Settings { get; } = new() { Admit = 1 };

        public bool ReadsUnflushed => true;

        public PartitionLineage Lineage => PartitionLineage.Of(1);

        public bool TracksBacklog => false;

        public GroupSettings? FindGroup(string group) => null;

        public AdmissionVerdict Admit(PartitionEngine partition, in AdmissionQuestion question) => new(AdmissionAnswer.Admit);

        public void RequestAdmissions(PartitionEngine partition, long admitted, int needed) => partition.AdmissionsAnswered(Grant);

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
