using System.Globalization;
using System.Text;
using OrleansMq.Records;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;

namespace OrleansMq.Trials.Damage;

/// <summary>What can be had of one partition.</summary>
internal sealed class SeenPartition
{
    public SortedDictionary<long, string> Messages { get; } = [];
    public SortedDictionary<long, string> Letters { get; } = [];

    /// <summary>Bodies of all that the group was given, and of what waits in the lanes.</summary>
    public HashSet<string> Delivered { get; } = [];

    public HashSet<string> Waiting { get; } = [];

    /// <summary>Offsets that a new message, and a new dead letter, got.</summary>
    public long NewOffset { get; set; } = -1;

    public long NewLetter { get; set; } = -1;
    public string? Refused { get; set; }

    /// <summary>No partition of its topic is refused.</summary>
    public bool IsWholeTopic { get; set; }
}

/// <summary>Everything that a broker gives from a folder to whoever asks for all of it, a day later: each lease has ended. It changes the folder.</summary>
internal sealed class Witness
{
    public const string Group = "workers";

    public Dictionary<(string Topic, int Partition), SeenPartition> Partitions { get; } = [];

    public string? NotStarted { get; private set; }

    public static async Task<Witness> From(SimDisk disk, IReadOnlyDictionary<string, int> topics)
    {
        var seen = new Witness();
        EmbeddedBroker broker;
        try
        {
            broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = PreparedFolder.Storage(disk, notice: _ => { }), MaintenanceInterval = TimeSpan.FromHours(1), OnReport = _ => { }, Time = new ADayLater() });
        }
        catch (DataFolderException refused)
        {
            seen.NotStarted = refused.Message;
            return seen;
        }

        await using (broker)
            foreach (var (topic, count) in topics.OrderBy(topic => topic.Key, StringComparer.Ordinal))
                await seen.Ask(broker, topic, count);
        return seen;
    }

    private async Task Ask(EmbeddedBroker broker, string topic, int count)
    {
        for (var p = 0; p < count; p++)
        {
            var part = Partitions[(topic, p)] = new SeenPartition();
            await Guarded(part, () => Read(broker, topic, p, part.Messages));
            if (topic != "capped")
                await Guarded(part, () => Read(broker, $"{topic}.{Group}.dlq", p, part.Letters));
        }

        var parts = Enumerable.Range(0, count).Select(p => Partitions[(topic, p)]).ToList();
        parts.ForEach(part => part.IsWholeTopic = parts.TrueForAll(each => each.Refused is null));
        await Guarded(null, async () => (await broker.ListScheduled(topic, max: 1000)).Items.ToList().ForEach(each => parts[each.Partition].Waiting.Add(Text(each.Message))));
        await Guarded(null, async () => (await broker.ListHalf(topic, max: 1000)).Items.ToList().ForEach(each => parts[each.Message.Position.Partition].Waiting.Add(Text(each.Message))));
        if (topic != "capped")
            await Guarded(null, () => Drain(broker, topic, parts));
        for (var p = 0; p < count; p++)
        {
            var number = p;
            await Guarded(parts[p], async () => parts[number].NewOffset = await Append(broker, topic, number));
            if (topic != "capped" && parts[p].NewOffset >= 0)
                await Guarded(parts[p], async () => parts[number].NewLetter = await Bury(broker, topic, number));
        }
    }

    private static async Task Drain(EmbeddedBroker broker, string topic, List<SeenPartition> parts)
    {
        while (await broker.Receive(topic, Group, new ReceiveRequest { Max = 100, Consumer = "witness" }) is { Count: > 0 } given)
        {
            foreach (var each in given)
                parts[each.Position.Partition].Delivered.Add(Text(each));
            await broker.Settle(topic, Group, Settlement.Acknowledge([.. given.Select(each => each.Lease)]));
        }
    }

    private static async Task<long> Append(EmbeddedBroker broker, string topic, int partition)
    {
        var batch = new RecordBatchBuilder(64);
        batch.Append(1_800_000_000_000, default, false, "new"u8, true);
        return (await broker.Append(new AppendRequest { Topic = topic, Partition = partition, Batch = batch.Build().ToArray(), Client = "c" })).BaseOffset;
    }

    /// <summary>The new message becomes a dead letter; the greatest offset among those is its.</summary>
    private static async Task<long> Bury(EmbeddedBroker broker, string topic, int partition)
    {
        while (await broker.Receive(topic, Group, new ReceiveRequest { Max = 10, Consumer = "witness" }) is { Count: > 0 } given)
            await broker.Settle(topic, Group, new Settlement { Kind = SettlementKind.DeadLetter, Leases = [.. given.Select(each => each.Lease)], Reason = "witness" });
        var letters = new SortedDictionary<long, string>();
        await Read(broker, $"{topic}.{Group}.dlq", partition, letters);
        return letters.Keys.LastOrDefault(-1);
    }

    private static async Task Guarded(SeenPartition? part, Func<Task> ask)
    {
        try
        {
            await ask();
        }
        catch (MqException refusal)
        {
            if (part is not null)
                part.Refused ??= refusal.Message;
        }
    }

    private static async Task Read(EmbeddedBroker broker, string topic, int partition, SortedDictionary<long, string> found)
    {
        for (var next = await broker.FindOffset(topic, partition, StartAt.Earliest); ;)
        {
            using var result = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor(topic, partition, next)], MinBytes = 0 });
            if (result.Partitions[0].Error is { } error)
                throw new MqException(error);
            var before = next;
            foreach (var batch in new RecordBatchReader(result.Partitions[0].Batches))
                foreach (var record in batch.Records())
                    if (record.Offset >= next)
                    {
                        found[record.Offset] = Text(partition, record);
                        next = record.Offset + 1;
                    }

            if (next == before)
                return;
        }
    }

    public static string Text(int partition, in RecordView record) =>
        MessageCodec.Decode(partition, record) is var message ? string.Create(CultureInfo.InvariantCulture, $"{message.KeyText} {message.Token} {Encoding.UTF8.GetString(message.Body.Span)}") : "";

    private static string Text(StoredMessage message) => Encoding.UTF8.GetString(message.Body.Span);

    private sealed class ADayLater : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddDays(1);
    }
}
