using System.Diagnostics;

namespace OrleansMq.Gateways.Http;

/// <summary>
/// Pushes a queue-style group's messages as server-sent events while there is credit. What it has received and not sent is given back when it ends; what it has sent is the client's until its lease is over.
/// </summary>
internal sealed class EventStream(HttpCall call, EventCredit credit, ReceiveRequest request)
{
    /// <summary>Of one receive, however small they are.</summary>
    private const int MaxAtOnce = 100;

    private static readonly TimeSpan ReconnectAfter = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan GiveBackWithin = TimeSpan.FromSeconds(5);

    private readonly TopicName _topic = call.Topic;
    private readonly GroupName _group = call.Group;

    // Received, and not sent as a whole. Never more than one receive.
    private readonly Queue<Delivery> _unsent = new();

    // The largest message so far. Null before the first, which comes alone.
    private long? _largestBytes;
    private long _wroteAt = Stopwatch.GetTimestamp();

    // Begins each request id: another stream of the same consumer makes requests of its own.
    private readonly string _stream = Guid.NewGuid().ToString("N");
    private long _requests;

    // Its answer has not come: the broker may have leased to it.
    private ReceiveRequest? _unanswered;

    // By the client's quotas of bytes; from then on more may go out.
    private long _mayGoOnAt;

    /// <param name="end">The stream is to end: the gateway stops, the client has gone, or it has lasted long enough.</param>
    public async Task Run(CancellationToken end)
    {
        try
        {
            // Without a wait and before the answer begins, so that a refusal is a problem document.
            await Receive(TimeSpan.Zero, end);
            credit.Lease = (await call.Broker.DescribeGroup(_topic, _group, end)).Settings.Lease;
            await Write(EventText.Retry(ReconnectAfter), end);
            await Push(end);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested && call.HasBegun)
        {
            // The answer ends in order, save in the middle of an event, and the client comes again.
        }
        catch (MqException refusal) when (call.HasBegun)
        {
            await Write(EventText.Of(refusal.Error), end);
        }
        finally
        {
            await GiveBack();
        }
    }

    private async Task Push(CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            while (_unsent.TryPeek(out var next) && !end.IsCancellationRequested)
            {
                // One whose lease is over by now is another consumer's, or comes again.
                if (credit.Holds(next.Lease))
                {
                    await Write(EventText.Of(next), end);
                    call.Messages++;
                }

                _unsent.Dequeue();
            }

            if (call.ChargeBytes() is var owed && owed > TimeSpan.Zero)
                _mayGoOnAt = Stopwatch.GetTimestamp() + (long)(owed.TotalSeconds * Stopwatch.Frequency);
            var quiet = call.Options.EventKeepAlive - Stopwatch.GetElapsedTime(_wroteAt);
            if (quiet > TimeSpan.Zero)
                await WaitForMore(quiet, end);
            else
                await Write(EventText.KeepAlive, end);
        }
    }

    private async Task WaitForMore(TimeSpan longest, CancellationToken end)
    {
        if (Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), _mayGoOnAt) is var pause && pause > TimeSpan.Zero)
            await Task.Delay(pause < longest ? pause : longest, end);
        else if (credit.Free > 0)
            await Receive(longest, end);
        else
            await credit.WaitForMore(longest, end);
    }

    /// <summary>As many as there is credit for, and as fit in <see cref="HttpGatewayOptions.EventBytesAtOnce"/> while none is larger than those before: what a client does not read waits in the log.</summary>
    private async Task Receive(TimeSpan wait, CancellationToken end)
    {
        var max = _largestBytes is { } largest ? Math.Clamp(call.Options.EventBytesAtOnce / largest, 1, Math.Min(MaxAtOnce, credit.Free)) : 1;
        foreach (var delivery in await Receive(request with { Max = (int)max, Wait = wait, RequestId = $"{_stream}-{_requests++}" }, end))
        {
            credit.Take(delivery.Lease, LeftOf(delivery));
            _largestBytes = Math.Max(_largestBytes ?? 1, SizeOf(delivery));
            _unsent.Enqueue(delivery);
        }
    }

    private async Task<IReadOnlyList<Delivery>> Receive(ReceiveRequest one, CancellationToken end)
    {
        _unanswered = one;
        try
        {
            var deliveries = await call.Broker.Receive(_topic, _group, one, end);
            _unanswered = null;
            return deliveries;
        }
        catch (MqException refusal) when (refusal.Code is not (ErrorCodes.OutcomeUnknown or ErrorCodes.PartitionUnavailable))
        {
            _unanswered = null;
            throw;
        }
    }

    private static long SizeOf(Delivery delivery) =>
        delivery.Body.Length + (delivery.Key?.Length ?? 0) + delivery.Headers.Sum(header => (long)header.Key.Length + header.Value.Length);

    /// <summary>How long it is leased from now on: what was asked for, which is counted from a little late and never from too early, or what the broker's clock says.</summary>
    private TimeSpan LeftOf(Delivery delivery)
    {
        if (request.Lease is { } asked)
            return asked;
        var left = delivery.LeaseUntil - DateTimeOffset.UtcNow;
        return left > TimeSpan.Zero ? left : credit.Lease; // the clocks disagree by more than a lease
    }

    private async Task Write(ReadOnlyMemory<byte> text, CancellationToken end)
    {
        await call.Send(EventText.MediaType, text, call.Options.EventStallTimeout, end);
        _wroteAt = Stopwatch.GetTimestamp();
    }

    /// <summary>What was received and not sent, and what the answer carries that did not come: it is asked for once more under its id.</summary>
    private async Task GiveBack()
    {
        using var limit = new CancellationTokenSource(GiveBackWithin);
        await GiveBack(() => ValueTask.FromResult<IReadOnlyCollection<Delivery>>(_unsent), limit.Token);
        if (_unanswered is { } one)
            await GiveBack(async () => await call.Broker.Receive(_topic, _group, one with { Max = 1, Wait = TimeSpan.Zero }, limit.Token), limit.Token);
    }

    private async Task GiveBack(Func<ValueTask<IReadOnlyCollection<Delivery>>> what, CancellationToken cancel)
    {
        try
        {
            var deliveries = await what();
            if (deliveries.Count > 0)
                await call.Broker.Settle(_topic, _group, Settlement.Refuse([.. deliveries.Select(delivery => delivery.Lease)], TimeSpan.Zero), cancel);
        }
        catch (Exception e) when (e is MqException or OperationCanceledException)
        {
            // Then they lapse.
        }
    }
}
