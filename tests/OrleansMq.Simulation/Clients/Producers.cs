using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Clients;

/// <summary>Publishes plain and rich batches, with keys and tokens, some tokens more than once; what has a token is sent again until it is stored.</summary>
internal static class Publisher
{
    public static async Task Live(Desk desk, string topic, string name, int meanPauseMs = 150)
    {
        var used = new List<Sent>();
        for (var n = 0; !desk.IsOver; n++)
        {
            await desk.Pause(meanPauseMs);
            var withTokens = desk.World.Chance(0.5);
            var messages = Enumerable.Range(0, desk.World.Random.Next(1, 7)).Select(i => New(desk, topic, withTokens ? $"{name}-{n}-{i}" : null, used)).ToList();
            var acks = !withTokens && desk.World.Chance(0.2) ? Acks.Accepted : (Acks?)null;
            var reply = await desk.Publish(topic, messages, acks);
            for (var tries = 0; withTokens && tries < 20 && !desk.IsOver && NeedsRetry(reply); tries++)
            {
                await desk.Pause(200);
                reply = await desk.Publish(topic, messages);
            }

            used.AddRange(messages.Where(sent => sent.Token is not null));
        }
    }

    private static bool NeedsRetry(Reply<IReadOnlyList<PublishResult>> reply) =>
        !reply.IsOk || reply.Value!.Any(result => result.Error is { } error && ErrorCodes.IsRetriable(error.Code));

    /// <summary>A token that was used before goes with its key, so that it meets its first in the same partition.</summary>
    private static Sent New(Desk desk, string topic, string? token, List<Sent> used)
    {
        if (token is not null && used.Count > 0 && desk.World.Chance(0.15))
        {
            var earlier = used[desk.World.Random.Next(used.Count)];
            return desk.NewMessage(topic, earlier.Key, earlier.Token);
        }

        return desk.NewMessage(topic, desk.World.Chance(0.8) ? desk.RandomKey() : null, token);
    }
}

/// <summary>An idempotent producer on one partition: up to five batches under way, sent again in order until each is stored.</summary>
internal static class Appender
{
    private const int Pipeline = 5;

    public static async Task Live(Desk desk, Place place, string name)
    {
        while (!desk.IsOver)
        {
            var opened = await desk.Link.Ask(desk.NewCall($"open producer {name}"), broker => broker.OpenProducer(name));
            if (!opened.IsOk)
            {
                await desk.Pause(300);
                continue;
            }

            if (await Session(desk, place, name, opened.Value))
                return;
        }
    }

    /// <returns>False when it was fenced and has to open again.</returns>
    private static async Task<bool> Session(Desk desk, Place place, string name, ProducerIdentity producer)
    {
        var session = $"{name}#{producer.Id}.{producer.Epoch}@{place}";
        var pending = new List<(int Sequence, List<Sent> Messages)>();
        var next = 0;
        while (!desk.IsOver)
        {
            while (pending.Count < Pipeline && desk.World.Chance(0.7))
            {
                var batch = Enumerable.Range(0, desk.World.Random.Next(1, 5))
                    .Select(i => desk.NewMessage(place.Topic, desk.RandomKey(), null, session, next + i)).ToList();
                pending.Add((next, batch));
                next += batch.Count;
            }

            var answers = await Task.WhenAll(pending.Select(batch => Append(desk, place, producer, batch.Sequence, batch.Messages)));
            var done = answers.TakeWhile(answer => answer.IsOk).Count();
            if (answers.Any(answer => answer.Code == ErrorCodes.ProducerFenced))
                return false;
            if (answers.FirstOrDefault(answer => answer.Code is ErrorCodes.SequenceOld) is { } lost)
                desk.History.Violate("sequence", $"{session}: {lost.Code} although its last five batches are all it sends.");
            pending.RemoveRange(0, done);
            if (pending.Count == 0 && desk.World.Chance(0.05))
                return false;
            await desk.Pause(done == answers.Length ? 150 : 250);
        }

        return true;
    }

    private static async Task<Reply<AppendResult>> Append(Desk desk, Place place, ProducerIdentity producer, int sequence, List<Sent> messages)
    {
        var call = desk.NewCall($"append {place} {producer.Id}.{producer.Epoch} seq {sequence} {string.Join(",", messages.Select(m => m.Uid))}");
        var attempts = messages.ConvertAll(sent => new Attempt { Call = call, Durable = true, Partition = place.Partition });
        for (var i = 0; i < messages.Count; i++)
            messages[i].Attempts.Add(attempts[i]);
        var batch = Desk.BatchOf(messages);
        var reply = await desk.Link.Ask(
            call,
            broker => broker.Append(new AppendRequest
            {
                Topic = place.Topic,
                Partition = place.Partition,
                Batch = batch.Memory,
                Rich = sequence % 3 == 0,
                Producer = new ProducerSequence(producer.Id, producer.Epoch, sequence),
                Wait = TimeSpan.FromSeconds(1),
                Client = "appender",
            }),
            result =>
            {
                for (var i = 0; i < attempts.Count; i++)
                    (attempts[i].Outcome, attempts[i].Offset, attempts[i].Duplicate) = (Outcome.Ok, result.BaseOffset + i, result.Duplicate);
                desk.History.Note($"  at {result.BaseOffset}{(result.Duplicate ? " duplicate" : "")}");
            });
        if (call.Outcome == Outcome.Failed)
            attempts.ForEach(attempt => (attempt.Outcome, attempt.Code) = (Outcome.Failed, call.Code));
        return reply;
    }
}
