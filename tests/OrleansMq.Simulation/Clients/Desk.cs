using System.Text;
using OrleansMq.Records;
using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Clients;

/// <summary>What every client does: makes messages that are known again, asks, and writes down what it asked and was told.</summary>
public sealed class Desk(World world, WorldPlan plan, Link link, History history)
{
    private int _uids;

    public World World => world;
    public WorldPlan Plan => plan;
    public Link Link => link;
    public History History => history;

    /// <summary>Clients stop at the next step when it is true.</summary>
    public bool IsOver => world.Elapsed > plan.Length;

    public Task Pause(int meanMs) => world.Delay(world.About(TimeSpan.FromMilliseconds(meanMs)));

    public Call NewCall(string what) => new(what, history.Next());

    public Sent NewMessage(string topic, string? key, string? token, string? session = null, int index = 0, TimeSpan? after = null, bool? commits = null, string? line = null, int number = 0, int? priority = null)
    {
        var sent = new Sent { Line = line, Number = number, Uid = $"u{++_uids}", Topic = topic, Key = key, Token = token, Session = session, Index = index, After = after, Commits = commits, Priority = priority };
        history.Sent.Add(sent.Uid, sent);
        return sent;
    }

    public string RandomKey() => $"k{world.Random.Next(plan.Keys)}";

    public static Message MessageOf(Sent sent, int? partition = null) => new()
    {
        Body = Body(sent.Uid),
        Key = sent.Key is null ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(sent.Key),
        Token = sent.Token,
        DeliverAfter = sent.After,
        Priority = sent.Priority,
        Half = sent.Commits is null ? null : HalfProducer.Terms,
        Partition = partition,
    };

    /// <summary>The id and a filling that follows from it, so that any other byte is noticed.</summary>
    public static byte[] Body(string uid)
    {
        var number = int.Parse(uid.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture);
        return Encoding.UTF8.GetBytes($"{uid}|{new string((char)('a' + number % 26), number * 37 % 230)}");
    }

    /// <summary>The id in a body; the whole body if it is not one of ours, byte for byte.</summary>
    public static string UidOf(ReadOnlySpan<byte> body)
    {
        var text = Encoding.UTF8.GetString(body);
        var bar = text.IndexOf('|', StringComparison.Ordinal);
        return bar > 1 && text[0] == 'u' && int.TryParse(text.AsSpan(1, bar - 1), out _) && body.SequenceEqual(Body(text[..bar])) ? text[..bar] : $"?{text}";
    }

    public static RecordBatch BatchOf(IReadOnlyList<Sent> messages)
    {
        var builder = new RecordBatchBuilder(256);
        foreach (var sent in messages)
            MessageCodec.Append(builder, MessageOf(sent), 1_700_000_000_000);
        return RecordBatch.ReadExactly(builder.ToArray());
    }

    /// <summary>Publishes, and writes down a try for each message.</summary>
    public async Task<Reply<IReadOnlyList<PublishResult>>> Publish(string topic, IReadOnlyList<Sent> messages, Acks? acks = null, TimeSpan? wait = null)
    {
        var call = NewCall($"publish {topic} {string.Join(",", messages.Select(m => m.Token is null ? m.Uid : $"{m.Uid}({m.Token})"))}");
        var attempts = messages.Select(sent => new Attempt { Call = call, Durable = acks is null or Acks.Durable, Partition = -1 }).ToList();
        for (var i = 0; i < messages.Count; i++)
            messages[i].Attempts.Add(attempts[i]);
        var reply = await link.Ask(
            call,
            broker => broker.Publish(topic, [.. messages.Select(sent => MessageOf(sent))], new PublishOptions { Acks = acks, Wait = wait ?? TimeSpan.FromSeconds(1), Client = "publisher" }),
            results =>
            {
                for (var i = 0; i < attempts.Count; i++)
                {
                    var result = results[i];
                    if (result.Error is { } error)
                    {
                        (attempts[i].Outcome, attempts[i].Code) = (error.Code == ErrorCodes.OutcomeUnknown ? Outcome.Unknown : Outcome.Failed, error.Code);
                        continue;
                    }

                    attempts[i].Outcome = Outcome.Ok;
                    (attempts[i].Partition, attempts[i].Offset, attempts[i].Duplicate) = (result.Position.Partition, result.Position.Offset, result.Duplicate);
                    history.Note($"  {messages[i].Uid} at {result.Position}{(result.Duplicate ? " duplicate" : "")}");
                }
            });
        foreach (var attempt in attempts)
            if (call.Outcome == Outcome.Failed)
                (attempt.Outcome, attempt.Code) = (Outcome.Failed, call.Code);
        return reply;
    }

    /// <summary>Reads one partition from an offset; what it saw is written down.</summary>
    public async Task<(Reply<List<(long Offset, string Uid, string? Key, string? Token)>> Reply, long Start, long End)> Read(Place place, long offset, int maxBytes = 64 << 10, TimeSpan wait = default)
    {
        var call = NewCall($"read {place} from {offset}");
        var (start, end) = (-1L, -1L);
        var reply = await link.Ask(
            call,
            async broker =>
            {
                using var result = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor(place.Topic, place.Partition, offset, maxBytes)], Wait = wait });
                var read = result.Partitions[0];
                if (read.Error is { } error)
                    throw new MqException(error);
                (start, end) = (read.Start, read.End);
                var records = new List<(long, string, string?, string?)>();
                foreach (var batch in new RecordBatchReader(read.Batches))
                    foreach (var record in batch.Records())
                    {
                        var message = MessageCodec.Decode(place.Partition, record);
                        records.Add((record.Offset, UidOf(message.Body.Span), message.KeyText, message.Token));
                    }

                return records;
            },
            records =>
            {
                history.Bounds.Add(new Bounds(call, place, start, end));
                foreach (var (at, uid, key, token) in records)
                    history.Seen.Add(new Seen(place, at, uid, key, token, "read", call.Answered));
                CheckDense(place, offset, end, records);
            });
        return (reply, start, end);
    }

    /// <summary>One reading begins at or before what was asked, misses nothing, and stops before the end.</summary>
    private void CheckDense(Place place, long asked, long end, List<(long Offset, string Uid, string? Key, string? Token)> records)
    {
        for (var i = 0; i < records.Count; i++)
        {
            var expected = i == 0 ? Math.Min(asked, records[0].Offset) : records[i - 1].Offset + 1;
            var isDue = place.Topic == Population.Latest ? records[i].Offset >= expected : records[i].Offset == expected;
            if (!isDue || records[i].Offset >= end)
            {
                history.Violate("dense", $"{place}: read from {asked} to {end} gave {string.Join(",", records.Select(r => r.Offset))}.");
                return;
            }
        }

        if (records.Count > 0 && records[^1].Offset < asked)
            history.Violate("dense", $"{place}: read from {asked} gave nothing behind {records[^1].Offset}.");
    }

    /// <summary>What a group says of itself; its cursors are written down.</summary>
    public async Task<GroupDescription?> Describe(string topic, string group)
    {
        var call = NewCall($"describe {topic} {group}");
        var reply = await link.Ask(call, broker => broker.DescribeGroup(topic, group), description =>
        {
            foreach (var partition in description.Partitions)
                if (partition.Error is null)
                {
                    history.CursorsSeen.Add(new CursorSeen(call, new GroupPlace(topic, group, partition.Partition), partition.Cursor));
                    history.Note($"  {partition.Partition}: cursor {partition.Cursor}, lag {partition.Lag}, in flight {partition.InFlight}, dead {partition.DeadLetters}");
                }
        });
        return reply.IsOk ? reply.Value : null;
    }

    /// <summary>Asks until it is done, or the time is over; what may be repeated without harm.</summary>
    public async Task<T?> Insist<T>(string what, Func<IBroker, ValueTask<T>> ask)
    {
        while (!IsOver)
        {
            var reply = await link.Ask(NewCall(what), ask);
            if (reply.IsOk)
                return reply.Value!;
            await Pause(200);
        }

        return default;
    }
}
