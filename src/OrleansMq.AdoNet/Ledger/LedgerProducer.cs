using OrleansMq.Json;

namespace OrleansMq;

/// <summary>A <see cref="Producer"/> that takes a copy of each message into a ledger, and sends it when the copy is durable.</summary>
/// <remarks>
/// Who dies between the two has sent nothing and has a copy: <see cref="LedgerReconciler"/> sends it. A message that the broker refuses for good stays unreconciled too, until it is settled.
/// Where the application has a transaction of its own, an <see cref="Outbox"/> with <see cref="OutboxOptions.Ledger"/> does this in it.
/// </remarks>
public sealed class LedgerProducer(ILedger ledger, IBroker broker, TopicName topic, ProducerOptions? options = null, TimeProvider? time = null) : IAsyncDisposable
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Producer _producer = new(broker, topic, options, time);

    /// <summary>Copies, then sends; ends when the message is stored.</summary>
    /// <exception cref="MqException">It was refused for good, and is in the ledger.</exception>
    public async Task<PublishResult> Send(Message message, CancellationToken cancel = default) => (await Send([message], cancel))[0];

    /// <summary>The same for several: one copy, one commit.</summary>
    /// <inheritdoc cref="Send(Message, CancellationToken)"/>
    public async Task<IReadOnlyList<PublishResult>> Send(IReadOnlyList<Message> messages, CancellationToken cancel = default)
    {
        var copied = messages.Select(message => StoredJson.Fixed(message, _time)).ToList();
        await ledger.Copy(topic, copied, cancel);
        return await Task.WhenAll(copied.Select(message => _producer.Send(message, cancel)));
    }

    public ValueTask DisposeAsync() => _producer.DisposeAsync();
}
