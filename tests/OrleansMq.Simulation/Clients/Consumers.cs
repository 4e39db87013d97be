using System.Text;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Clients;

/// <summary>A worker of a queue-style group that does everything one can do with a lease, and sometimes sleeps over its end.</summary>
internal sealed class Worker(Desk desk, string topic, string group, string name, bool upTo = false, bool folds = false)
{
    /// <summary>One that folds and is told so often that the state has moved leaves the message out: its key has left the partition, or never comes to rest.</summary>
    private const int LastFold = 6;

    /// <summary>The group's own lease; see <see cref="Population"/>.</summary>
    public static readonly TimeSpan GroupLease = TimeSpan.FromSeconds(3);

    private readonly List<Position> _aside = [];
    private int _requests;

    public async Task Live()
    {
        while (!desk.IsOver)
        {
            // Soon, so that what waits does not keep the log from being cut.
            if (_aside.Count > 0)
                await Work(await Fetch());
            var given = await Receive(desk.World.Random.Next(1, 9), desk.World.Random.Next(3) * TimeSpan.FromMilliseconds(700), Lease());
            if (given.Count == 0)
                await desk.Pause(200);
            else if (desk.World.Chance(0.05))
                await desk.Pause(5_000);
            else if (upTo && desk.World.Chance(0.3))
                await AcknowledgeUpTo(given[^1]);
            else
                await Work(given);
        }
    }

    /// <summary>Receives and acknowledges until nothing is left.</summary>
    public async Task<int> DrainSome()
    {
        await GiveAsideToAll();
        var given = await Receive(100, TimeSpan.FromSeconds(1), GroupLease);
        if (given.Count > 0)
            await Settle(SettlementKind.Acknowledge, given);
        return given.Count;
    }

    private TimeSpan? Lease() => desk.World.Random.Next(3) switch { 0 => null, 1 => TimeSpan.FromSeconds(1), _ => TimeSpan.FromSeconds(2) };

    private Task<List<Given>> Fetch()
    {
        List<Position> some = [.. _aside.Take(5)];
        _aside.RemoveRange(0, some.Count);
        return Receive(some.Count, TimeSpan.Zero, Lease(), some);
    }

    private async Task GiveAsideToAll()
    {
        var call = desk.NewCall($"redeliver what {group} of {topic} set aside");
        desk.History.Fetched.Add(new Fetched(call, topic, group, null));
        await desk.Link.Ask(call, broker => broker.Redeliver(topic, group, new RedeliverRequest { Causes = [UnsettledCause.Deferred] }));
    }

    private async Task<List<Given>> Receive(int max, TimeSpan wait, TimeSpan? lease, List<Position>? aside = null)
    {
        var id = desk.World.Chance(0.5) ? $"{name}-{++_requests}" : null;
        for (var tries = 0; ; tries++)
        {
            var call = desk.NewCall($"receive {topic} {group} {name} max {max} {id}{(aside is null ? "" : $" of {string.Join(' ', aside)}")}");
            if (aside is not null)
                desk.History.Fetched.Add(new Fetched(call, topic, group, aside));
            var mine = new List<Given>();
            var reply = await desk.Link.Ask(
                call,
                broker => broker.Receive(topic, group, new ReceiveRequest { Max = max, Wait = wait, Lease = lease, Consumer = name, RequestId = id, Deferred = aside ?? [] }),
                deliveries => mine = [.. deliveries.Select((delivery, rank) => Note(call, delivery, lease ?? GroupLease, rank, tries == 0, aside is not null))]);
            if (reply.IsOk)
                return mine;
            // The same id again: a lost reply costs nothing.
            if (id is null || tries == 2 || desk.IsOver)
                return [];
            await desk.Pause(200);
        }
    }

    private Given Note(Call call, Delivery delivery, TimeSpan lease, int rank, bool firstTry, bool fetched)
    {
        var at = new GroupPlace(topic, group, delivery.Lease.Partition);
        var uid = Desk.UidOf(delivery.Body.Span);
        var until = delivery.LeaseUntil.ToUnixTimeMilliseconds();
        desk.History.Note($"  {uid} {delivery.KeyText} {delivery.Lease} until {until}");
        if (delivery.Lease.Lane == 0)
            desk.History.Seen.Add(new Seen(at.Place, delivery.Position.Offset, uid, delivery.KeyText, delivery.Token, "delivered", call.Answered));
        if (desk.History.Given.TryGetValue((at, delivery.Lease), out var known))
        {
            if (known.Uid != uid || known.UntilMs != until || known.Consumer != name)
                desk.History.Violate("lease", $"{at}: lease {delivery.Lease} was given twice, as {known.Uid} to {known.Consumer} and as {uid} to {name}.");
            return known;
        }

        var given = new Given
        {
            Call = call,
            At = at,
            Lease = delivery.Lease,
            Origin = delivery.Position.Offset,
            Uid = uid,
            Key = delivery.KeyText,
            Consumer = name,
            IsFetched = fetched,
            Rank = rank,
            State = Encoding.UTF8.GetString(delivery.SessionState.Span),
            Version = delivery.SessionVersion,
            FirstTry = firstTry,
            UntilMs = until,
            GrantedMs = until - (long)lease.TotalMilliseconds,
            AnsweredAt = desk.World.Elapsed,
        };
        desk.History.Given.Add((at, delivery.Lease), given);
        return given;
    }

    private async Task Work(List<Given> given)
    {
        if (given.Count == 0)
            return;
        await desk.Pause(100);
        if (desk.World.Chance(0.1))
            await Settle(SettlementKind.Extend, given);
        if (desk.World.Chance(0.6))
        {
            await Settle(SettlementKind.Acknowledge, given);
            return;
        }

        foreach (var lease in given)
        {
            if (desk.World.Chance(0.2))
                await desk.Pause(desk.World.Chance(0.1) ? 3_000 : 100);
            switch (desk.World.Random.Next(20))
            {
                case < 12:
                    await Settle(SettlementKind.Acknowledge, [lease]);
                    break;
                case < 16:
                    await Settle(SettlementKind.Refuse, [lease]);
                    break;
                case < 17:
                    await Settle(SettlementKind.DeadLetter, [lease]);
                    break;
                case < 18 when desk.World.Chance(0.5):
                    _aside.Add(new Position(lease.At.Partition, lease.Origin));
                    await Settle(SettlementKind.Defer, [lease]);
                    break;
                case < 18:
                    await Settle(SettlementKind.Extend, [lease]);
                    await Settle(SettlementKind.Acknowledge, [lease]);
                    break;
                default:
                    // Forgets it: the lease lapses.
                    break;
            }
        }
    }

    private async Task Settle(SettlementKind kind, List<Given> given)
    {
        var call = desk.NewCall($"{kind} {topic} {group} {name} {string.Join(" ", given.Select(g => g.Lease))}");
        var extension = TimeSpan.FromSeconds(desk.World.Random.Next(1, 4));
        var settled = given.ConvertAll(lease =>
        {
            var record = new Settled { Call = call, Kind = kind, Extension = extension, InvokedAt = desk.World.Elapsed, Folds = Folds(kind, lease) };
            lease.Settled.Add(record);
            return record;
        });
        var settlement = new Settlement
        {
            Kind = kind,
            Leases = [.. given.Select(lease => lease.Lease)],
            Delay = kind == SettlementKind.Refuse && desk.World.Chance(0.5) ? TimeSpan.FromMilliseconds(desk.World.Random.Next(500)) : null,
            Lease = kind == SettlementKind.Extend ? extension : null,
            Reason = kind == SettlementKind.DeadLetter ? "no good" : null,
            Sessions = [.. given.Where(lease => Folds(kind, lease)).Select(lease => new SessionChange(lease.Lease, Encoding.UTF8.GetBytes(lease.Folded), lease.Version))],
        };
        await desk.Link.Ask(call, broker => broker.Settle(topic, group, settlement), results =>
        {
            for (var i = 0; i < settled.Count; i++)
                (settled[i].Outcome, settled[i].Code) = (results[i].Ok ? Outcome.Ok : Outcome.Failed, results[i].Code);
            desk.History.Note($"  {string.Join(" ", results.Select(r => r.Code ?? "ok"))}");
        });
        if (call.Outcome == Outcome.Failed)
            settled.ForEach(record => (record.Outcome, record.Code) = (Outcome.Failed, call.Code));
        if (given.Where((_, i) => settled[i].Code == ErrorCodes.SessionMoved).ToList() is { Count: > 0 } moved)
            await Settle(SettlementKind.Refuse, moved);
    }

    private bool Folds(SettlementKind kind, Given lease) => folds && kind == SettlementKind.Acknowledge && lease.Key is not null && lease.Number < LastFold;

    private async Task AcknowledgeUpTo(Given last)
    {
        if (last.Lease.Lane != 0)
            return;
        var call = desk.NewCall($"acknowledge {topic} {group} {name} up to {last.At.Partition}:{last.Origin}");
        desk.History.SettledUpTo.Add(new SettledUpTo(call, last.At, last.Origin));
        await desk.Link.Ask(call, broker => broker.Settle(topic, group, Settlement.AcknowledgeUpTo(new Position(last.At.Partition, last.Origin))));
    }
}

/// <summary>A member of a log-style group: joins, reads its share from the cursor on, commits, and sometimes leaves or sleeps.</summary>
internal static class Member
{
    public static async Task Live(Desk desk, string topic, string group, string name)
    {
        while (!desk.IsOver)
        {
            var call = desk.NewCall($"join {topic} {group} {name}");
            var joined = await desk.Link.Ask(call, broker => broker.Join(topic, group, name, TimeSpan.FromSeconds(3)), assignment =>
            {
                desk.History.Assignments.Add(new Assigned(call, topic, group, name, assignment.Generation, assignment.Partitions));
                desk.History.Note($"  generation {assignment.Generation}: {string.Join(",", assignment.Partitions)}");
            });
            if (joined.IsOk)
                await Read(desk, topic, group, name, joined.Value!);
            await desk.Pause(300);
        }
    }

    private static async Task Read(Desk desk, string topic, string group, string name, Assignment share)
    {
        if (await desk.Describe(topic, group) is not { } described)
            return;
        var next = share.Partitions.ToDictionary(p => p, p => described.Partitions[p].Cursor);
        while (!desk.IsOver)
        {
            await desk.Pause(desk.World.Chance(0.03) ? 5_000 : 250);
            foreach (var partition in share.Partitions)
            {
                var (reply, start, _) = await desk.Read(new Place(topic, partition), next[partition], 2_000);
                if (reply.IsOk && reply.Value!.Count > 0)
                    next[partition] = reply.Value[^1].Offset + 1;
                else if (reply.Code == ErrorCodes.OffsetOutOfRange)
                    return;
            }

            var positions = share.Partitions.Select(p => new Position(p, next[p])).ToList();
            if (positions.Count > 0 && desk.World.Chance(0.7) && !await Commit(desk, topic, group, positions, name, share.Generation))
                return;
            var beat = await desk.Link.Ask(desk.NewCall($"heartbeat {name}"), async broker =>
            {
                await broker.Heartbeat(topic, group, name, share.Generation);
                return true;
            });
            if (beat.Code is ErrorCodes.GenerationStale or ErrorCodes.MemberUnknown)
                return;
            if (desk.World.Chance(0.03))
            {
                await desk.Link.Ask(desk.NewCall($"leave {name}"), async broker =>
                {
                    await broker.Leave(topic, group, name);
                    return true;
                });
                await desk.Pause(2_000);
                return;
            }
        }
    }

    /// <returns>False when it has to join again.</returns>
    public static async Task<bool> Commit(Desk desk, string topic, string group, List<Position> positions, string? member, int generation)
    {
        var call = desk.NewCall($"commit {topic} {group} {member} {generation} {string.Join(" ", positions)}");
        foreach (var position in positions)
            desk.History.CursorsSet.Add(new CursorSet(call, new GroupPlace(topic, group, position.Partition), position.Offset, false));
        var reply = await desk.Link.Ask(call, async broker =>
        {
            await broker.Commit(topic, group, new CommitRequest(positions, member, generation));
            return true;
        });
        return reply.Code is not (ErrorCodes.GenerationStale or ErrorCodes.MemberUnknown);
    }
}

/// <summary>Reads alone: commits, seeks, and looks where its cursor stands.</summary>
internal static class Replayer
{
    public static async Task Live(Desk desk, string topic, string group, int partitions)
    {
        while (!desk.IsOver)
        {
            await desk.Pause(400);
            var partition = desk.World.Random.Next(partitions);
            if (await desk.Describe(topic, group) is not { } described || described.Partitions[partition] is not { Error: null } at)
                continue;
            var (reply, _, end) = await desk.Read(new Place(topic, partition), at.Cursor, 2_000);
            if (!reply.IsOk)
                continue;
            if (desk.World.Chance(0.7))
                await Member.Commit(desk, topic, group, [new Position(partition, reply.Value!.Count > 0 ? reply.Value[^1].Offset + 1 : at.Cursor)], null, 0);
            else
                await Seek(desk, topic, group, partition, desk.World.Random.NextInt64(end + 1));
        }
    }

    private static async Task Seek(Desk desk, string topic, string group, int partition, long offset)
    {
        var call = desk.NewCall($"seek {topic} {group} {partition}:{offset}");
        desk.History.CursorsSet.Add(new CursorSet(call, new GroupPlace(topic, group, partition), offset, true));
        await desk.Link.Ask(call, async broker =>
        {
            await broker.Seek(topic, group, SeekRequest.At(new Position(partition, offset)));
            return true;
        });
    }
}

/// <summary>Looks after dead letters: browses, redrives, discards what it saw.</summary>
internal static class Undertaker
{
    public static async Task Live(Desk desk, string topic, string group, int partitions)
    {
        while (!desk.IsOver)
        {
            await desk.Pause(2_000);
            for (var p = 0; p < partitions; p++)
            {
                var letters = await Browse(desk, new GroupPlace(topic, group, p));
                if (letters is not { Count: > 0 } || desk.World.Chance(0.3))
                    continue;
                var some = letters.Where(_ => desk.World.Chance(0.5)).ToList();
                if (some.Count > 0)
                    await Move(desk, some, desk.World.Chance(0.7));
            }
        }
    }

    /// <summary>All letters of one lane; null when it could not be read.</summary>
    public static async Task<List<Letter>?> Browse(Desk desk, GroupPlace at)
    {
        var name = TopicName.DeadLettersOf(at.Topic, at.Group);
        var letters = new List<Letter>();
        for (var next = 0L; ;)
        {
            var call = desk.NewCall($"browse {name} {at.Partition} from {next}");
            var end = 0L;
            var reply = await desk.Link.Ask(
                call,
                async broker =>
                {
                    using var result = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor(name, at.Partition, next)], MinBytes = 0 });
                    if (result.Partitions[0].Error is { } error)
                        throw new MqException(error);
                    end = result.Partitions[0].End;
                    var found = new List<Letter>();
                    foreach (var batch in new Records.RecordBatchReader(result.Partitions[0].Batches))
                        foreach (var record in batch.Records())
                        {
                            var message = MessageCodec.Decode(at.Partition, record);
                            found.Add(new Letter(call, at, record.Offset, Desk.UidOf(message.Body.Span), message.DeadLetter?.Origin.Offset ?? -1, message.DeadLetter?.Reason ?? "", message.DeadLetter?.Deliveries ?? 0));
                        }

                    return found;
                },
                found =>
                {
                    desk.History.Letters.AddRange(found);
                    foreach (var letter in found)
                        desk.History.Note($"  letter {letter.Offset}: {letter.Uid} of {letter.Origin}, {letter.Reason} after {letter.Deliveries}");
                });
            if (!reply.IsOk)
                return null;
            if (reply.Value!.Count == 0)
                return letters;
            letters.AddRange(reply.Value);
            next = letters[^1].Offset + 1;
        }
    }

    public static async Task Move(Desk desk, List<Letter> letters, bool redrive)
    {
        var at = letters[0].At;
        var call = desk.NewCall($"{(redrive ? "redrive" : "discard")} {at} {string.Join(",", letters.Select(l => l.Offset))}");
        foreach (var letter in letters)
            desk.History.LettersMoved.Add(new LetterMoved(call, at, letter.Offset, redrive));
        var selection = DeadLetterSelection.Of([.. letters.Select(l => new Position(at.Partition, l.Offset))]);
        await desk.Link.Ask(call, broker => redrive ? broker.Redrive(at.Topic, at.Group, selection) : broker.Discard(at.Topic, at.Group, selection));
    }
}
