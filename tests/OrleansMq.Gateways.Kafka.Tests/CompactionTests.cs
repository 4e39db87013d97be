using Confluent.Kafka;
using Confluent.Kafka.Admin;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>A compacted topic as Kafka's clients make it, fill it and read it from the start: Confluent's client, unmodified.</summary>
public sealed class CompactionTests
{
    private const int Rounds = 60;
    private const int Keys = 10;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Gzip)]
    [InlineData(CompressionType.Zstd)]
    public async Task WhoReadsFromTheStartSeesTheLastOfEachKey(CompressionType compression)
    {
        await using var served = await Start();
        await MakeTopic(served);
        using (var producer = new ProducerBuilder<string, string?>(new ProducerConfig { BootstrapServers = served.Gateway.Address, EnableIdempotence = true, CompressionType = compression, LingerMs = 1 }).Build())
        {
            for (var round = 0; round < Rounds; round++)
            {
                for (var key = 0; key < Keys; key++)
                    producer.Produce("table", new Message<string, string?> { Key = $"k{key}", Value = round == Rounds - 2 && key == 3 ? null : key == 3 && round > Rounds - 2 ? null : $"{round} {new string('x', 30)}" });
                producer.Flush(Patience);
            }
        }

        await Compacted(served);

        var read = Read(served, IsolationLevel.ReadUncommitted);
        Assert.InRange(read.Count, Keys, Rounds * Keys / 2);
        Assert.Equal(read.Select(message => message.Offset.Value).Order(), read.Select(message => message.Offset.Value));
        for (var key = 0; key < Keys; key++)
            Assert.Equal(key == 3 ? null : $"{Rounds - 1} {new string('x', 30)}", read.Last(message => message.Message.Key == $"k{key}").Message.Value);
        // The producer's order is known as before, though its batches went.
        Assert.Equal(Rounds * Keys, (await served.Broker.DescribeTopic("table")).Partitions[0].End);
    }

    [Theory]
    [InlineData(IsolationLevel.ReadCommitted)]
    [InlineData(IsolationLevel.ReadUncommitted)]
    public async Task WhatWasAbortedIsNotTheLastOfItsKey(IsolationLevel isolation)
    {
        await using var served = await Start();
        await MakeTopic(served);
        using var producer = new ProducerBuilder<string, string?>(new ProducerConfig { BootstrapServers = served.Gateway.Address, TransactionalId = "tx", LingerMs = 1 }).Build();
        producer.InitTransactions(Patience);
        for (var round = 0; round < Rounds; round++)
        {
            producer.BeginTransaction();
            for (var key = 0; key < Keys; key++)
                producer.Produce("table", new Message<string, string?> { Key = $"k{key}", Value = $"{round} {(round % 2 == 0 ? "committed" : "aborted")}" });
            if (round % 2 == 0)
                producer.CommitTransaction(Patience);
            else
                producer.AbortTransaction(Patience);
        }

        await Compacted(served);

        var read = Read(served, isolation);
        for (var key = 0; key < Keys; key++)
            Assert.Contains(read, message => message.Message.Key == $"k{key}" && message.Message.Value == $"{Rounds - 2} committed");
        if (isolation == IsolationLevel.ReadCommitted)
            Assert.DoesNotContain(read, message => message.Message.Value!.EndsWith("aborted", StringComparison.Ordinal));
        Assert.InRange(read.Count, Keys, Rounds * Keys / 3);
    }

    [Fact]
    public async Task AMessageWithoutAKeyIsAnInvalidRecord()
    {
        await using var served = await Start();
        await MakeTopic(served);
        using var producer = new ProducerBuilder<Null, string>(new ProducerConfig { BootstrapServers = served.Gateway.Address }).Build();

        var refused = await Assert.ThrowsAsync<ProduceException<Null, string>>(() => producer.ProduceAsync("table", new Message<Null, string> { Value = "nobody's" }));

        Assert.Equal(Confluent.Kafka.ErrorCode.InvalidRecord, refused.Error.Code);
    }

    [Fact]
    public async Task HowATopicIsCompactedHasKafkasNames()
    {
        await using var served = await Start();
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = served.Gateway.Address }).Build();
        await admin.CreateTopicsAsync([new TopicSpecification { Name = "table", NumPartitions = 1, Configs = new() { ["cleanup.policy"] = "compact", ["delete.retention.ms"] = "1000" } }]);
        var resource = new ConfigResource { Type = ResourceType.Topic, Name = "table" };

        await Set("min.cleanable.dirty.ratio", "0.25");
        await Set("min.compaction.lag.ms", "60000");
        await Assert.ThrowsAsync<IncrementalAlterConfigsException>(() => Set("min.cleanable.dirty.ratio", "1.5"));
        await Assert.ThrowsAsync<IncrementalAlterConfigsException>(() => Set("min.compaction.lag.ms", "soon"));

        var shown = (await admin.DescribeConfigsAsync([resource]))[0].Entries;
        Assert.Equal(("1000", "0.25", "60000"), (shown["delete.retention.ms"].Value, shown["min.cleanable.dirty.ratio"].Value, shown["min.compaction.lag.ms"].Value));
        var settings = (await served.Broker.DescribeTopic("table")).Settings;
        Assert.Equal((TimeSpan.FromSeconds(1), 0.25, TimeSpan.FromMinutes(1)), (settings.TombstoneAge, settings.CompactDirtyRatio, settings.CompactMinAge));

        Task Set(string name, string value) => admin.IncrementalAlterConfigsAsync(
            new Dictionary<ConfigResource, List<ConfigEntry>> { [resource] = [new ConfigEntry { Name = name, Value = value, IncrementalOperation = AlterConfigOpType.Set }] });
    }

    private static Task<Served> Start() => Served.Start(embedded: new EmbeddedOptions
    {
        Storage = new VolatileStorage(segmentBytes: 2048),
        MaintenanceInterval = TimeSpan.FromMilliseconds(50),
        Compaction = new() { DirtyBytes = 1024, DirtyRatio = 0.1 },
    });

    private static async Task MakeTopic(Served served)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = served.Gateway.Address }).Build();
        await admin.CreateTopicsAsync([new TopicSpecification { Name = "table", NumPartitions = 1, Configs = new() { ["cleanup.policy"] = "delete" } }]);
        var resource = new ConfigResource { Type = ResourceType.Topic, Name = "table" };
        await admin.IncrementalAlterConfigsAsync(new Dictionary<ConfigResource, List<ConfigEntry>> { [resource] = [new ConfigEntry { Name = "cleanup.policy", Value = "compact", IncrementalOperation = AlterConfigOpType.Set }] });
        Assert.Equal("compact", (await admin.DescribeConfigsAsync([resource]))[0].Entries["cleanup.policy"].Value);
        await Assert.ThrowsAsync<CreateTopicsException>(() => admin.CreateTopicsAsync([new TopicSpecification { Name = "both", Configs = new() { ["cleanup.policy"] = "compact,delete" } }]));
    }

    private static async Task Compacted(Served served)
    {
        var sent = (await served.Broker.DescribeTopic("table")).Partitions[0].End;
        for (var waited = 0; (await served.Broker.ReadAll("table")).Count > sent / 3; waited++)
        {
            Assert.True(waited < 600, $"After a minute {(await served.Broker.ReadAll("table")).Count} of {sent} messages are there.");
            await Task.Delay(100);
        }
    }

    private static List<ConsumeResult<string, string?>> Read(Served served, IsolationLevel isolation)
    {
        using var consumer = new ConsumerBuilder<string, string?>(new ConsumerConfig
        {
            BootstrapServers = served.Gateway.Address, GroupId = "from-start", AutoOffsetReset = AutoOffsetReset.Earliest, EnablePartitionEof = true, IsolationLevel = isolation,
        }).Build();
        consumer.Assign(new TopicPartitionOffset("table", 0, Offset.Beginning));
        var read = new List<ConsumeResult<string, string?>>();
        while (consumer.Consume(Patience) is { } message && !message.IsPartitionEOF)
            read.Add(message);
        return read;
    }
}
