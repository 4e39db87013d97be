using Confluent.Kafka;
using Confluent.Kafka.Admin;
using OrleansMq.Conformance;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>Confluent's client, unmodified: librdkafka in this process.</summary>
public sealed class ConfluentTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Gzip)]
    [InlineData(CompressionType.Snappy)]
    [InlineData(CompressionType.Lz4)]
    [InlineData(CompressionType.Zstd)]
    public async Task WhatIsProducedIdempotentlyIsConsumedOnceAndInOrder(CompressionType compression)
    {
        const int count = 2_000;
        await using var served = await Served.Start();
        using (var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = served.Gateway.Address, EnableIdempotence = true, CompressionType = compression, LingerMs = 5 }).Build())
        {
            for (var i = 0; i < count; i++)
                producer.Produce("log", new Message<string, string> { Key = "k", Value = $"value {i}" });
            Assert.Equal(0, producer.Flush(Patience));
        }
        using var consumer = Consumer(served, "readers");
        consumer.Subscribe("log");
        for (var i = 0; i < count; i++)
        {
            var message = consumer.Consume(Patience);
            Assert.Equal((i, $"value {i}"), ((int)message.Offset.Value, message.Message.Value));
        }
        consumer.Commit();
        consumer.Close();
        // The same cursor as everybody else's; and our own reader opens the batches.
        Assert.Equal(count, (await served.Broker.DescribeGroup("log", "readers")).Partitions[0].Cursor);
        Assert.Equal($"value {count - 1}", (await served.Broker.ReadAll("log"))[^1].BodyText);
        Assert.False((await served.Broker.DescribeTopic("log")).Settings.KeepUnsettled);
    }

    [Theory]
    [InlineData(PartitionAssignmentStrategy.Range)]
    [InlineData(PartitionAssignmentStrategy.CooperativeSticky)]
    public async Task MembersOfAGroupShareThePartitionsAndTakeOverWhenOneLeaves(PartitionAssignmentStrategy strategy)
    {
        await using var served = await Served.Start();
        await served.Broker.PutTopic("work", new TopicChange { Partitions = 4 });
        using var first = Consumer(served, "team", strategy);
        using var second = Consumer(served, "team", strategy);
        first.Subscribe("work");
        second.Subscribe("work");
        await Eventually.Holds(() => Poll(first, second) && first.Assignment.Count == 2 && second.Assignment.Count == 2);
        Assert.Empty(first.Assignment.Intersect(second.Assignment));
        var described = await served.Broker.Coordinator.Describe("team");
        Assert.Equal((GroupPhase.Stable, 2), (described.Phase, described.Members.Count));
        second.Close();
        await Eventually.Holds(() => Poll(first) && first.Assignment.Count == 4);
        first.Close();
    }

    [Fact]
    public async Task MembersToWhomTheBrokerAssignsShareAndTakeOverAndGoOnWhereTheClassicOnesWere()
    {
        await using var served = await Served.Start(new KafkaGatewayOptions { ConsumerHeartbeat = TimeSpan.FromMilliseconds(100) });
        await served.Broker.PutTopic("work", new TopicChange { Partitions = 4 });
        await served.Broker.Publish("work", [.. Enumerable.Range(0, 4).Select(i => new Message { Body = new byte[1], Partition = i })]);
        using (var classic = Consumer(served, "team"))
        {
            classic.Subscribe("work");
            for (var i = 0; i < 4; i++)
                Assert.NotNull(classic.Consume(Patience));
            classic.Commit();
            classic.Close();
        }
        using var first = Assigned(served, "team");
        using var second = Assigned(served, "team");
        first.Subscribe("work");
        second.Subscribe("work");
        await Eventually.Holds(() => Poll(first, second) && first.Assignment.Count == 2 && second.Assignment.Count == 2);
        Assert.Empty(first.Assignment.Intersect(second.Assignment));
        Assert.All(first.Committed(first.Assignment, Patience), offset => Assert.Equal(1, offset.Offset.Value));
        second.Close();
        await Eventually.Holds(() => Poll(first) && first.Assignment.Count == 4);
        Assert.Equal(GroupKind.Consumer, (await served.Broker.Coordinator.Describe("team")).Kind);
        first.Close();
    }

    private static IConsumer<string, string> Assigned(Served served, string group) => new ConsumerBuilder<string, string>(
        new ConsumerConfig { BootstrapServers = served.Gateway.Address, GroupId = group, GroupProtocol = Confluent.Kafka.GroupProtocol.Consumer, AutoOffsetReset = AutoOffsetReset.Earliest, EnableAutoCommit = false }).Build();

    [Fact]
    public async Task AdministratorsMakeChangeDescribeAndDelete()
    {
        await using var served = await Served.Start();
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = served.Gateway.Address }).Build();
        await admin.CreateTopicsAsync([new TopicSpecification { Name = "t", NumPartitions = 3, Configs = new() { ["retention.ms"] = "60000" } }]);
        var again = await Assert.ThrowsAsync<CreateTopicsException>(() => admin.CreateTopicsAsync([new TopicSpecification { Name = "t" }]));
        Assert.Equal(Confluent.Kafka.ErrorCode.TopicAlreadyExists, again.Results[0].Error.Code);

        var resource = new ConfigResource { Type = ResourceType.Topic, Name = "t" };
        await admin.IncrementalAlterConfigsAsync(new Dictionary<ConfigResource, List<ConfigEntry>>
        {
            [resource] = [new ConfigEntry { Name = "retention.bytes", Value = "1000000", IncrementalOperation = AlterConfigOpType.Set }],
        });
        var configs = (await admin.DescribeConfigsAsync([resource]))[0].Entries;
        Assert.Equal(("60000", "1000000"), (configs["retention.ms"].Value, configs["retention.bytes"].Value));
        Assert.Equal(3, admin.GetMetadata("t", Patience).Topics[0].Partitions.Count);

        await admin.DeleteTopicsAsync(["t"]);
        Assert.Empty((await served.Broker.ListTopics()).Items);
    }

    [Fact]
    public async Task AdministratorsAddPartitions()
    {
        await using var served = await Served.Start();
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = served.Gateway.Address }).Build();
        await admin.CreateTopicsAsync([new TopicSpecification { Name = "t", NumPartitions = 2 }]);

        await admin.CreatePartitionsAsync([new PartitionsSpecification { Topic = "t", IncreaseTo = 4 }], new CreatePartitionsOptions { ValidateOnly = true });
        Assert.Equal(2, (await served.Broker.DescribeTopic("t")).Settings.Partitions);
        await admin.CreatePartitionsAsync([new PartitionsSpecification { Topic = "t", IncreaseTo = 4 }]);
        // No multiple, as Kafka takes it.
        await admin.CreatePartitionsAsync([new PartitionsSpecification { Topic = "t", IncreaseTo = 7 }]);

        Assert.Equal(7, admin.GetMetadata("t", Patience).Topics[0].Partitions.Count);
        await Refused(7, null, Confluent.Kafka.ErrorCode.InvalidPartitions);
        await Refused(3, null, Confluent.Kafka.ErrorCode.InvalidPartitions);
        await Refused(10_001, null, Confluent.Kafka.ErrorCode.InvalidPartitions);
        await Refused(8, [[0], [0]], Confluent.Kafka.ErrorCode.InvalidReplicaAssignment);
        var unknown = await Assert.ThrowsAsync<CreatePartitionsException>(() => admin.CreatePartitionsAsync([new PartitionsSpecification { Topic = "nobodys", IncreaseTo = 4 }]));
        Assert.Equal(Confluent.Kafka.ErrorCode.UnknownTopicOrPart, unknown.Results[0].Error.Code);
        Assert.Equal(7, (await served.Broker.DescribeTopic("t")).Settings.Partitions);

        async Task Refused(int count, List<List<int>>? nodes, Confluent.Kafka.ErrorCode code)
        {
            var refused = await Assert.ThrowsAsync<CreatePartitionsException>(() => admin.CreatePartitionsAsync([new PartitionsSpecification { Topic = "t", IncreaseTo = count, ReplicaAssignments = nodes }]));
            Assert.Equal(code, refused.Results[0].Error.Code);
        }
    }

    [Fact]
    public async Task AConsumerAndAProducerFindThePartitionsThatWereAdded()
    {
        await using var served = await Served.Start();
        await served.Broker.PutTopic("t", new TopicChange());
        using var consumer = new ConsumerBuilder<string, string>(new ConsumerConfig
        {
            BootstrapServers = served.Gateway.Address, GroupId = "g", AutoOffsetReset = AutoOffsetReset.Earliest, TopicMetadataRefreshIntervalMs = 200,
        }).Build();
        consumer.Subscribe("t");
        await Eventually.Holds(() => Poll(consumer) && consumer.Assignment.Count == 1);
        using var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = served.Gateway.Address, TopicMetadataRefreshIntervalMs = 200 }).Build();
        await producer.ProduceAsync("t", new Message<string, string> { Key = "a", Value = "1" });

        await served.Broker.GrowTopic("t", 3);

        await Eventually.Holds(() => Poll(consumer) && consumer.Assignment.Count == 3);
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                await producer.ProduceAsync(new TopicPartition("t", 2), new Message<string, string> { Key = "b", Value = "2" }, patience.Token);
                break;
            }
            catch (ProduceException<string, string> unknown) when (unknown.Error.Code == Confluent.Kafka.ErrorCode.Local_UnknownPartition)
            {
                // Its own metadata is older than the consumer's: nothing was sent.
                await Task.Delay(50, patience.Token);
            }
        }

        consumer.Close();
        Assert.Equal(1, (await served.Broker.DescribeTopic("t")).Partitions[2].End);
    }

    [Fact]
    public async Task NativeReaderGoesOnWhereAKafkaConsumerCommitted()
    {
        await using var served = await Served.Start();
        await served.Broker.PutTopic("both", new TopicChange());
        await served.Broker.Publish("both", [.. Enumerable.Range(0, 10).Select(i => Message.OfText($"{i}"))]);
        using var consumer = Consumer(served, "shared");
        consumer.Assign(new TopicPartition("both", 0));
        consumer.Commit([new TopicPartitionOffset("both", 0, 4)]);
        Assert.Equal(4, (await served.Broker.DescribeGroup("both", "shared")).Partitions[0].Cursor);
        await served.Broker.Commit("both", "shared", new CommitRequest([new Position(0, 7)]));
        Assert.Equal(7, consumer.Committed([new TopicPartition("both", 0)], Patience)[0].Offset.Value);
        // Where nothing was committed the client begins where it wants.
        Assert.Equal(Offset.Unset, Consumer(served, "others").Committed([new TopicPartition("both", 0)], Patience)[0].Offset);
    }

    [Fact]
    public async Task ConsumeTransformProduceIsWholeOrNothing()
    {
        await using var served = await Served.Start();
        await served.Broker.PutTopic("in", new TopicChange());
        await served.Broker.PutTopic("out", new TopicChange());
        await served.Broker.Publish("in", [.. Enumerable.Range(0, 4).Select(i => Message.OfText($"{i}"))]);
        using var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = served.Gateway.Address, TransactionalId = "etl" }).Build();
        producer.InitTransactions(Patience);
        using var consumer = Consumer(served, "etl");
        consumer.Subscribe("in");
        for (var i = 0; i < 4; i++)
        {
            var message = consumer.Consume(Patience);
            producer.BeginTransaction();
            producer.Produce("out", new Message<string, string> { Value = $"{message.Message.Value}!" });
            producer.SendOffsetsToTransaction([new TopicPartitionOffset(message.TopicPartition, message.Offset + 1)], consumer.ConsumerGroupMetadata, Patience);
            if (i < 3)
            {
                producer.CommitTransaction(Patience);
                continue;
            }
            producer.Flush(Patience);
            producer.AbortTransaction(Patience);
        }
        Assert.Equal(3, consumer.Committed([new TopicPartition("in", 0)], Patience)[0].Offset.Value);
        consumer.Close();
        Assert.Equal(["0!", "1!", "2!"], (await served.Broker.ReadAll("out")).ConvertAll(message => message.BodyText));
        using var reader = Consumer(served, "reader", untilTheEnd: true);
        reader.Subscribe("out");
        Assert.Equal(["0!", "1!", "2!"], Enumerable.Range(0, 3).Select(_ => reader.Consume(Patience).Message.Value));
        // The aborted one and the markers behind are passed over, and then there is nothing.
        Assert.True(reader.Consume(Patience).IsPartitionEOF);
        reader.Close();
    }

    private static IConsumer<string, string> Consumer(Served served, string group, PartitionAssignmentStrategy strategy = PartitionAssignmentStrategy.Range, bool untilTheEnd = false) =>
        new ConsumerBuilder<string, string>(new ConsumerConfig
        {
            BootstrapServers = served.Gateway.Address,
            GroupId = group,
            AutoOffsetReset = AutoOffsetReset.Earliest,
            EnableAutoCommit = false,
            EnablePartitionEof = untilTheEnd,
            PartitionAssignmentStrategy = strategy,
            SessionTimeoutMs = 10_000,
            HeartbeatIntervalMs = 200,
        }).Build();

    private static bool Poll(params IConsumer<string, string>[] consumers)
    {
        foreach (var consumer in consumers)
            consumer.Consume(TimeSpan.FromMilliseconds(50));
        return true;
    }
}
