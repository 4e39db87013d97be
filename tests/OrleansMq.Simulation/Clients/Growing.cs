using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using OrleansMq.Records;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Clients;

/// <summary>Lets a topic grow now and then, while everybody is at work on it; asks until it is done.</summary>
internal static class Grower
{
    private const int Most = 12;

    public static async Task Live(Desk desk, string topic, int partitions)
    {
        desk.History.Counts.Add(partitions);
        while (partitions * 2 <= Most)
        {
            await desk.Pause(5_000);
            if (desk.IsOver)
                return;
            partitions *= desk.World.Random.Next(2, 4);
            desk.History.Counts.Add(partitions);
            if (await desk.Insist($"grow {topic} to {partitions}", broker => broker.GrowTopic(topic, partitions)) is not null)
                desk.History.Growths++;
        }
    }
}

/// <summary>Publishes message after message with a key, each when the one before is acknowledged; the token lets it send again what it heard no answer of, also over a growth.</summary>
internal static class KeyedPublisher
{
    public static async Task Live(Desk desk, string topic, string name)
    {
        for (var number = 0; !desk.IsOver; number++)
        {
            await desk.Pause(120);
            var sent = desk.NewMessage(topic, desk.RandomKey(), $"{name}-{number}", line: name, number: number);
            while (!desk.IsOver)
            {
                var reply = await desk.Publish(topic, [sent]);
                if (reply.IsOk && reply.Value![0].Error is null)
                    break;
                await desk.Pause(200);
            }
        }
    }
}

/// <summary>A <see cref="Producer"/> as applications have it: many messages under way at once, over a way that loses replies.</summary>
internal static class NativeProducer
{
    /// <summary>Longer than a world's misfortunes: then nothing more restarts a partition that a failing disk has stopped, until the producers have gone.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    public static async Task Live(Desk desk, string topic, string name)
    {
        var number = 0;
        while (!desk.IsOver)
        {
            // Its end waits until its messages are stored, before another one sends: what two send at once has no order.
            await using var producer = new Producer(
                BrokerOverLink.Of(desk), topic, new ProducerOptions { BatchMessages = 4, RetrySeed = desk.World.Random.Next(), CloseTimeout = Patience }, desk.World.Outside.Time);
            for (var left = desk.World.Random.Next(20, 200); left > 0 && !desk.IsOver; left--)
            {
                await desk.Pause(60);
                var sent = desk.NewMessage(topic, desk.World.Chance(0.9) ? desk.RandomKey() : null, null, line: name, number: number++);
                await producer.Enqueue(Desk.MessageOf(sent));
            }
        }
    }
}

/// <summary>The broker as a producer needs it, over the link; what it appends is written down.</summary>
internal class BrokerOverLink : DispatchProxy
{
    private Desk _desk = null!;

    public static IBroker Of(Desk desk)
    {
        var broker = Create<IBroker, BrokerOverLink>();
        ((BrokerOverLink)(object)broker)._desk = desk;
        return broker;
    }

    [SuppressMessage("Reliability", "CA2012", Justification = "Boxed on its way to the caller, who awaits it once.")]
    protected override object? Invoke(MethodInfo? method, object?[]? args) => method?.Name switch
    {
        nameof(IBroker.DescribeTopic) => Ask($"describe {args![0]}", broker => broker.DescribeTopic((TopicName)args[0]!)),
        nameof(IBroker.OpenProducer) => Ask("open producer", broker => broker.OpenProducer((string?)args![0])),
        nameof(IBroker.Append) => Append((AppendRequest)args![0]!),
        _ => throw new NotSupportedException($"A producer does not call {method?.Name}."),
    };

    private async ValueTask<T> Ask<T>(string what, Func<IBroker, ValueTask<T>> ask)
    {
        var reply = await _desk.Link.Ask(_desk.NewCall(what), ask);
        return reply.IsOk ? reply.Value! : throw Refusal(reply.Outcome, reply.Code);
    }

    private async ValueTask<AppendResult> Append(AppendRequest request)
    {
        // Copied, for the broker may have it still when the caller has given up.
        var own = request with { Batch = request.Batch.ToArray() };
        var messages = new List<Sent>();
        foreach (var record in RecordBatch.ReadExactly(own.Batch).Records())
            messages.Add(_desk.History.Sent[Desk.UidOf(MessageCodec.Decode(request.Partition, record).Body.Span)]);
        var call = _desk.NewCall($"append {request.Topic}/{request.Partition} of {request.Partitions} seq {request.Producer?.Sequence} {string.Join(",", messages.Select(sent => sent.Uid))}");
        var attempts = messages.ConvertAll(_ => new Attempt { Call = call, Durable = true, Partition = request.Partition });
        for (var i = 0; i < messages.Count; i++)
            messages[i].Attempts.Add(attempts[i]);
        var reply = await _desk.Link.Ask(call, broker => broker.Append(own), result =>
        {
            for (var i = 0; i < attempts.Count; i++)
                (attempts[i].Outcome, attempts[i].Offset, attempts[i].Duplicate) = (Outcome.Ok, result.BaseOffset + i, result.Duplicate);
            _desk.History.Note($"  at {result.BaseOffset}{(result.Duplicate ? " duplicate" : "")}");
        });
        if (call.Outcome == Outcome.Failed)
            attempts.ForEach(attempt => (attempt.Outcome, attempt.Code) = (Outcome.Failed, call.Code));
        return reply.IsOk ? reply.Value : throw Refusal(reply.Outcome, reply.Code);
    }

    private static MqException Refusal(Outcome outcome, string? code) => outcome != Outcome.Failed
        ? new MqException(ErrorCodes.OutcomeUnknown, "No answer came.")
        : new MqException(code is null or "unreachable" ? ErrorCodes.PartitionUnavailable : code, "Refused.");
}
