using OrleansMq.Records;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;

namespace OrleansMq.Trials.Damage;

/// <summary>Everything that a broker serves from a folder, and what it says of the rest.</summary>
internal sealed class Served
{
    private static readonly string[] Topics = ["orders", "other", "capped"];

    /// <summary>By what it is (a partition's messages, a group's dead letters, where a group stands): what was served, whole or up to an error.</summary>
    public Dictionary<(string Topic, int Partition, string What), List<string>> Parts { get; } = [];

    /// <summary>Refusals, by what was asked.</summary>
    public Dictionary<(string Topic, int Partition, string What), string> Refusals { get; } = [];

    /// <summary>What the operator was told.</summary>
    public List<string> Reports { get; } = [];

    /// <summary>The broker did not start, and why.</summary>
    public string? NotStarted { get; private set; }

    /// <param name="partitions">Of each topic; what is asked does not depend on what the broker says that there is.</param>
    public static async Task<Served> From(SimDisk disk, IReadOnlyDictionary<string, int> partitions)
    {
        var served = new Served();
        EmbeddedBroker broker;
        try
        {
            var storage = PreparedFolder.Storage(disk, notice: notice => served.Reports.Add(notice.ToString()));
            broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, MaintenanceInterval = TimeSpan.FromHours(1), OnReport = served.Reports.Add });
        }
        catch (DataFolderException refused)
        {
            served.NotStarted = refused.Message;
            return served;
        }

        await using (broker)
        {
            await served.Ask(("", -1, "list"), async found => found.AddRange((await broker.ListTopics()).Items.Select(name => name.Text)));
            await served.Ask(("", -1, "producer"), async found => found.Add($"{(await broker.OpenProducer("named")).Id}"));
            foreach (var topic in Topics.Where(partitions.ContainsKey))
                for (var p = 0; p < partitions[topic]; p++)
                    await served.AskPartition(broker, topic, p);
        }

        return served;
    }

    private async Task AskPartition(EmbeddedBroker broker, string topic, int partition)
    {
        await Ask((topic, partition, "messages"), found => Read(broker, topic, partition, found));
        foreach (var group in topic == "capped" ? Array.Empty<string>() : topic == "orders" ? ["workers", "board"] : ["workers"])
        {
            await Ask((topic, partition, $"group {group}"), async found =>
            {
                var there = (await broker.DescribeGroup(topic, group)).Partitions[partition];
                found.Add(there.Error is { } error ? throw new MqException(error) : $"{there.Cursor} {there.Lag} {there.InFlight} {there.DeadLetters}");
            });
            if (group == "workers")
                await Ask((topic, partition, $"letters {group}"), found => Read(broker, $"{topic}.{group}.dlq", partition, found));
        }
    }

    private async Task Ask((string, int, string) what, Func<List<string>, Task> ask)
    {
        var found = Parts[what] = [];
        try
        {
            await ask(found);
        }
        catch (MqException refusal)
        {
            Refusals[what] = refusal.Code;
        }
    }

    private static async Task Read(EmbeddedBroker broker, string topic, int partition, List<string> found)
    {
        for (var next = await broker.FindOffset(topic, partition, StartAt.Earliest); ;)
        {
            using var result = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor(topic, partition, next)], MinBytes = 0 });
            if (result.Partitions[0].Error is { } error)
                throw new MqException(error);
            var before = next;
            foreach (var batch in new RecordBatchReader(result.Partitions[0].Batches))
                foreach (var record in batch.Records())
                {
                    if (record.Offset < next)
                        continue;
                    var message = MessageCodec.Decode(partition, record);
                    found.Add($"{record.Offset} {message.KeyText} {message.Token} {System.Text.Encoding.UTF8.GetString(message.Body.Span)}");
                    next = record.Offset + 1;
                }

            if (next == before)
                return;
        }
    }
}
