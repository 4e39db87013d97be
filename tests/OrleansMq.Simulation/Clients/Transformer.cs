using OrleansMq.Records;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Clients;

/// <summary>
/// Consumes one partition, and produces to several others and moves its cursor in one transaction. Commits most, aborts some, walks away from some; now and then it
/// sleeps until another has taken its transactional id, and goes on as if nothing had been.
/// </summary>
internal sealed class Transformer(Desk desk, int partition, string name)
{
    public const string Group = "etl";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(4);

    private readonly Place _input = new(Population.Raw, partition);
    private readonly string _id = $"etl-{partition}";
    private ProducerIdentity _producer;
    private long _next;

    public async Task Live()
    {
        while (!desk.IsOver)
        {
            if (await Open())
                while (!desk.IsOver && await Transform(honest: false))
                    await desk.Pause(150);
            await desk.Pause(desk.World.Chance(0.3) ? 6_000 : 1_500);
        }
    }

    /// <summary>Transforms until nothing is left.</summary>
    public async Task ComeToRest()
    {
        var patience = desk.World.Elapsed + TimeSpan.FromMinutes(5);
        while (desk.World.Elapsed < patience)
        {
            if (await Open())
            {
                while (await Transform(honest: true) && !await IsDone())
                    await desk.Pause(20);
                if (await IsDone())
                    return;
            }

            await desk.Pause(500);
        }

        desk.History.Violate("transactions stuck", $"{_input}: {name} could not transform what is left from {_next} on.");
    }

    private async Task<bool> IsDone()
    {
        var (reply, _, end) = await desk.Read(_input, _next, 1);
        return reply.IsOk && end == _next;
    }

    /// <summary>Takes the id from whoever has it, and goes on where the cursor stands.</summary>
    private async Task<bool> Open()
    {
        var call = desk.NewCall($"open {_id} {name}");
        var opened = await desk.Link.Ask(call, broker => broker.Transactions!.Open(_id, Timeout), producer =>
        {
            desk.History.Opened.Add(new Opened(call, _id, producer));
            desk.History.Note($"  {producer.Id}.{producer.Epoch}");
        });
        if (!opened.IsOk || await desk.Describe(Population.Raw, Group) is not { } described || described.Partitions[partition] is not { Error: null } at)
            return false;
        (_producer, _next) = (opened.Value, at.Cursor);
        return true;
    }

    /// <returns>False when the id must be opened again.</returns>
    private async Task<bool> Transform(bool honest)
    {
        var (reply, _, _) = await desk.Read(_input, _next, 2_000);
        var inputs = reply.Value?.Where(record => record.Offset >= _next).Take(6).ToList() ?? [];
        if (inputs.Count == 0)
            return true;
        var transformation = new Transformation { Id = _id, Producer = _producer, Input = _input, From = _next, To = inputs[^1].Offset + 1 };
        desk.History.Transformations.Add(transformation);
        var outputs = inputs.ConvertAll(input => (At: desk.World.Random.Next(Population.MadePartitions), Sent: desk.NewMessage(Population.Made, input.Uid, null)));
        // And one more elsewhere, so that none is in one partition alone.
        outputs.Add(((outputs[0].At + 1) % Population.MadePartitions, desk.NewMessage(Population.Made, $"{_input}:{_next}", null)));
        transformation.Outputs.AddRange(outputs.Select(output => output.Sent));
        var stored = desk.World.Chance(0.5) ? await Publish(outputs) : await Append(outputs);
        stored = stored && await AddOffsets(transformation);
        if (!honest && desk.World.Chance(0.08))
            await desk.Pause(6_000);
        if (!honest && desk.World.Chance(0.08))
            return false;
        return stored && (honest || desk.World.Chance(0.8)) ? await End(transformation, commit: true) : await End(transformation, commit: false);
    }

    /// <summary>In one call, whose answer must be there: without sequences it can't be sent again.</summary>
    private async Task<bool> Publish(List<(int At, Sent Sent)> outputs)
    {
        var call = desk.NewCall($"publish in {_id} {_producer.Epoch} {string.Join(",", outputs.Select(o => $"{o.Sent.Uid}>{o.At}"))}");
        var attempts = Attempts(call, outputs);
        var all = false;
        await desk.Link.Ask(
            call,
            broker => broker.Publish(
                Population.Made, [.. outputs.Select(output => Desk.MessageOf(output.Sent, output.At))],
                new PublishOptions { Transaction = new ProducerTransaction(_id, _producer), Wait = TimeSpan.FromSeconds(1), Client = name }),
            results =>
            {
                all = results.All(result => result.Error is null);
                for (var i = 0; i < attempts.Count; i++)
                    if (results[i].Error is null)
                        (attempts[i].Outcome, attempts[i].Offset) = (Outcome.Ok, results[i].Position.Offset);
            });
        return all;
    }

    /// <summary>With sequences, as Kafka's producers do: what is not answered is sent again.</summary>
    private async Task<bool> Append(List<(int At, Sent Sent)> outputs)
    {
        var partitions = outputs.Select(output => output.At).Distinct().ToList();
        var added = await Insist($"add partitions to {_id} {_producer.Epoch}: {string.Join(",", partitions)}", async broker =>
        {
            var errors = await broker.Transactions!.AddPartitions(_id, _producer, [.. partitions.Select(p => new TransactionPartition(Population.Made, p))]);
            return errors.FirstOrDefault(error => error is not null) is { } refused ? throw new MqException(refused) : true;
        });
        if (!added)
            return false;
        foreach (var at in partitions)
        {
            var here = outputs.Where(output => output.At == at).ToList();
            var builder = new RecordBatchBuilder(256) { IsTransactional = true };
            foreach (var (_, sent) in here)
                MessageCodec.Append(builder, Desk.MessageOf(sent), 1_700_000_000_000);
            var batch = builder.ToArray(producerId: _producer.Id, producerEpoch: _producer.Epoch, baseSequence: 0);
            var what = $"append in {_id} {_producer.Epoch} to {at} {string.Join(",", here.Select(o => o.Sent.Uid))}";
            if (!await Insist(what, broker => broker.Append(new AppendRequest { Topic = Population.Made, Partition = at, Batch = batch, Wait = TimeSpan.FromSeconds(1), Client = name }), here))
                return false;
        }

        return true;
    }

    private Task<bool> AddOffsets(Transformation transformation) => Insist($"add {_input}:{transformation.To} to {_id} {_producer.Epoch}", async broker =>
    {
        await broker.Transactions!.AddOffsets(_id, _producer, Group, null, [new GroupOffset(_input.Topic, _input.Partition, transformation.To)]);
        return true;
    });

    private async Task<bool> End(Transformation transformation, bool commit)
    {
        for (var tries = 0; tries < 10; tries++)
        {
            var call = desk.NewCall($"{(commit ? "commit" : "abort")} {transformation}");
            if (commit)
                transformation.Commits.Add(call);
            var reply = await desk.Link.Ask(call, broker => broker.Transactions!.End(_id, transformation.Producer, commit, newEpoch: true));
            if (reply.IsOk)
            {
                _producer = reply.Value;
                _next = commit ? transformation.To : transformation.From;
                return true;
            }

            if (!MayRepeat(reply.Code))
                return false;
            await desk.Pause(200);
        }

        return false;
    }

    /// <summary>What may be said again, some times.</summary>
    private async Task<bool> Insist<T>(string what, Func<IBroker, ValueTask<T>> ask, List<(int At, Sent Sent)>? outputs = null)
    {
        for (var tries = 0; tries < 5; tries++)
        {
            var call = desk.NewCall(what);
            var attempts = Attempts(call, outputs ?? []);
            var reply = await desk.Link.Ask(call, ask, result =>
            {
                if (result is AppendResult stored)
                    for (var i = 0; i < attempts.Count; i++)
                        (attempts[i].Outcome, attempts[i].Offset, attempts[i].Duplicate) = (Outcome.Ok, stored.BaseOffset + i, stored.Duplicate);
            });
            if (reply.IsOk)
                return true;
            if (!MayRepeat(reply.Code))
                return false;
            await desk.Pause(200);
        }

        return false;
    }

    private static List<Attempt> Attempts(Call call, List<(int At, Sent Sent)> outputs) => outputs.ConvertAll(output =>
    {
        var attempt = new Attempt { Call = call, Durable = true, Partition = output.At };
        output.Sent.Attempts.Add(attempt);
        return attempt;
    });

    private static bool MayRepeat(string? code) => code is null or "no answer" or "unreachable" || ErrorCodes.IsRetriable(code);
}
