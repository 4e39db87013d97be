// Confluent.Kafka ADDRESS [secure]: each line of output is "test<TAB>ok" or "test<TAB>why not".
using Confluent.Kafka;
using Confluent.Kafka.Admin;

var address = args[0];
var patience = TimeSpan.FromSeconds(30);
var debug = Environment.GetEnvironmentVariable("JUDGE_DEBUG");

async Task Test(string name, Func<Task> story)
{
    try
    {
        await story();
        Console.WriteLine($"{name}\tok");
    }
    catch (Exception e)
    {
        Console.WriteLine($"{name}\t{e.GetType().Name}: {e.Message}".ReplaceLineEndings(" "));
    }
}

void Same<T>(T got, T wanted)
{
    if (!EqualityComparer<T>.Default.Equals(got, wanted))
        throw new InvalidOperationException($"{got}, and not {wanted}");
}

ProducerConfig Producing() => new() { BootstrapServers = address, LingerMs = 5, Debug = debug };

IConsumer<string, string> Consumer(string group, PartitionAssignmentStrategy strategy = PartitionAssignmentStrategy.Range, IsolationLevel isolation = IsolationLevel.ReadCommitted) =>
    new ConsumerBuilder<string, string>(new ConsumerConfig
    {
        BootstrapServers = address, GroupId = group, AutoOffsetReset = AutoOffsetReset.Earliest, EnableAutoCommit = false, EnablePartitionEof = true,
        PartitionAssignmentStrategy = strategy, SessionTimeoutMs = 10_000, HeartbeatIntervalMs = 300, IsolationLevel = isolation,
    }).Build();

List<string> ReadAll(string topic, IsolationLevel isolation)
{
    using var consumer = Consumer("reader-" + Guid.NewGuid(), isolation: isolation);
    consumer.Assign(new TopicPartitionOffset(topic, 0, Offset.Beginning));
    var values = new List<string>();
    while (consumer.Consume(patience) is { } message)
    {
        if (message.IsPartitionEOF)
            return values;
        values.Add(message.Message.Value);
    }
    throw new TimeoutException("no end of the partition");
}

if (args is [_, "secure"])
{
    await Secure.Run(address, Test);
    return;
}

using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = address }).Build();
await Test("create topics", () => admin.CreateTopicsAsync([new TopicSpecification { Name = "cs", NumPartitions = 4 }, new TopicSpecification { Name = "cs-tx", NumPartitions = 1 }, new TopicSpecification { Name = "cs-out", NumPartitions = 1 }]));
foreach (var codec in Enum.GetValues<CompressionType>())
    await Test($"idempotent producer, {codec}", () =>
    {
        var config = Producing();
        (config.EnableIdempotence, config.CompressionType) = (true, codec);
        using var producer = new ProducerBuilder<string, string>(config).Build();
        for (var i = 0; i < 1_000; i++)
            producer.Produce("cs", new Message<string, string> { Key = $"{i}", Value = $"{codec} {i}" });
        Same(producer.Flush(patience), 0);
        return Task.CompletedTask;
    });
foreach (var strategy in new[] { PartitionAssignmentStrategy.Range, PartitionAssignmentStrategy.CooperativeSticky })
    await Test($"two members, {strategy}", () =>
    {
        using var one = Consumer("cs-" + strategy, strategy);
        using var two = Consumer("cs-" + strategy, strategy);
        one.Subscribe("cs");
        two.Subscribe("cs");
        var seen = new HashSet<TopicPartitionOffset>();
        var until = DateTime.UtcNow + TimeSpan.FromSeconds(60);
        while (DateTime.UtcNow < until && (seen.Count < 5_000 || one.Assignment.Count != 2 || two.Assignment.Count != 2))
            foreach (var member in new[] { one, two })
                for (var n = 0; n < 500 && member.Consume(TimeSpan.FromMilliseconds(20)) is { } message; n++)
                    if (!message.IsPartitionEOF)
                        seen.Add(message.TopicPartitionOffset);
        Same((seen.Count, one.Assignment.Count, two.Assignment.Count), (5_000, 2, 2));
        one.Close();
        two.Close();
        return Task.CompletedTask;
    });
await Test("offsets of a group", async () =>
{
    using (var consumer = Consumer("cs-offsets"))
        consumer.Commit([new TopicPartitionOffset("cs", 1, 7)]);
    var found = await admin.ListConsumerGroupOffsetsAsync([new ConsumerGroupTopicPartitions("cs-offsets", null)]);
    Same(found[0].Partitions.Single().Offset.Value, 7);
});
await Test("describe groups", async () => Same((await admin.DescribeConsumerGroupsAsync(["cs-offsets"])).ConsumerGroupDescriptions[0].State, ConsumerGroupState.Empty));
await Test("list offsets", async () => Same((await admin.ListOffsetsAsync([new TopicPartitionOffsetSpec { TopicPartition = new TopicPartition("cs-out", 0), OffsetSpec = OffsetSpec.Latest() }])).ResultInfos[0].TopicPartitionOffsetError.Offset.Value, 0));
await Test("transaction: committed seen, aborted not", () =>
{
    var config = Producing();
    config.TransactionalId = "cs-1";
    using var producer = new ProducerBuilder<string, string>(config).Build();
    producer.InitTransactions(patience);
    foreach (var (value, commit) in new[] { ("a", true), ("b", false), ("c", true) })
    {
        producer.BeginTransaction();
        producer.Produce("cs-tx", new Message<string, string> { Value = value });
        producer.Produce("cs-tx", new Message<string, string> { Value = value + value });
        if (commit)
            producer.CommitTransaction(patience);
        else
        {
            Same(producer.Flush(patience), 0);
            producer.AbortTransaction(patience);
        }
    }
    Same(string.Join(' ', ReadAll("cs-tx", IsolationLevel.ReadCommitted)), "a aa c cc");
    Same(string.Join(' ', ReadAll("cs-tx", IsolationLevel.ReadUncommitted)), "a aa b bb c cc");
    return Task.CompletedTask;
});
await Test("transaction: a zombie is fenced, and what it left open is aborted", () =>
{
    var config = Producing();
    config.TransactionalId = "cs-2";
    using var zombie = new ProducerBuilder<string, string>(config).Build();
    zombie.InitTransactions(patience);
    zombie.BeginTransaction();
    zombie.Produce("cs-tx", new Message<string, string> { Value = "zombie" });
    Same(zombie.Flush(patience), 0);
    using var heir = new ProducerBuilder<string, string>(config).Build();
    heir.InitTransactions(patience);
    try
    {
        zombie.CommitTransaction(patience);
        throw new InvalidOperationException("the zombie committed");
    }
    catch (KafkaException e) when (e.Error.IsFatal)
    {
    }
    heir.BeginTransaction();
    heir.Produce("cs-tx", new Message<string, string> { Value = "heir" });
    heir.CommitTransaction(patience);
    Same(string.Join(' ', ReadAll("cs-tx", IsolationLevel.ReadCommitted)), "a aa c cc heir");
    return Task.CompletedTask;
});
await Test("transaction: consume, transform, produce", () =>
{
    var config = Producing();
    config.TransactionalId = "cs-3";
    using var producer = new ProducerBuilder<string, string>(config).Build();
    producer.InitTransactions(patience);
    using var consumer = Consumer("cs-etl");
    consumer.Subscribe("cs-tx");
    for (var done = 0; done < 5;)
    {
        var message = consumer.Consume(patience) ?? throw new TimeoutException("nothing came");
        if (message.IsPartitionEOF)
            continue;
        producer.BeginTransaction();
        producer.Produce("cs-out", new Message<string, string> { Value = message.Message.Value.ToUpperInvariant() });
        producer.SendOffsetsToTransaction([new TopicPartitionOffset(message.TopicPartition, message.Offset + 1)], consumer.ConsumerGroupMetadata, patience);
        producer.CommitTransaction(patience);
        done++;
    }
    var committed = consumer.Committed([new TopicPartition("cs-tx", 0)], patience)[0].Offset.Value;
    consumer.Close();
    Same(string.Join(' ', ReadAll("cs-out", IsolationLevel.ReadCommitted)), "A AA C CC HEIR");
    Same(committed > 5, true);
    return Task.CompletedTask;
});
await Test("delete topics", () => admin.DeleteTopicsAsync(["cs", "cs-tx", "cs-out"]));
