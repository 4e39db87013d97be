using System.Diagnostics;

namespace OrleansMq.Gateways.Http;

/// <summary>
/// Pushes a queue-style group's messages as server-sent events while there is credit. What it has received and not sent is given back when it ends; what it has sent is the client's until its lease is over.
/// </summary>
internal sealed class EventStream(HttpCall call, EventCredit credit, ReceiveRequest request)
{
    /// <summary>Of one receive, however small they are.</summary>
    private const int MaxAtOnce = 100;

    // What a message is taken to have before one was seen.
    private const int FirstGuessBytes = 16 << 10;

    private static readonly TimeSpan ReconnectAfter = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan GiveBackWithin = TimeSpan.FromSeconds(5);

    private readonly TopicName _topic = call.Topic;
    private readonly GroupName _group = call.Group;

    // Received, and not sent as a whole. Never more than one receive.
    private readonly Queue<Delivery> _unsent = new();
    private long _averageBytes = FirstGuessBytes;
    private long _wroteAt = Stopwatch.GetTimestamp();

    // By the client's quotas of bytes; from then on more may go out.
    private long _mayGoOnAt;

    /// <param name="end">The stream is to end: the gateway stops, the client has gone, or it has lasted long enough.</param>
    public async Task Run(CancellationToken end)
    {
        try
        {
            // Without a wait and before the answer begins, so that a refusal is a problem document.
            await Receive(TimeSpan.Zero, end);
            var settings = (await call.Broker.DescribeGroup(_topic, _group, end)).Settings;
            credit.Lease = settings.Lease;
            Take(_unsent);
            await Write(EventText.Retry(ReconnectAfter));
            await Push(end);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested && call.HasBegun)
        {
            // The answer ends in order, and the client comes again.
        }
        catch (MqException refusal) when (call.HasBegun)
        {
            await Write(EventText.Of(refusal.Error));
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
                await Write(EventText.Of(next));
                _unsent.Dequeue();
                call.Messages++;
            }

            if (call.ChargeBytes() is var owed && owed > TimeSpan.Zero)
                _mayGoOnAt = Stopwatch.GetTimestamp() + (long)(owed.TotalSeconds * Stopwatch.Frequency);
            var quiet = call.Options.EventKeepAlive - Stopwatch.GetElapsedTime(_wroteAt);
            if (quiet > TimeSpan.Zero)
                await WaitForMore(quiet, end);
            else
                await Write(EventText.KeepAlive);
        }
    }

    private async Task WaitForMore(TimeSpan longest, CancellationToken end)
    {
        if (Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), _mayGoOnAt) is var pause && pause > TimeSpan.Zero)
            await Task.Delay(pause < longest ? pause : longest, end);
        else if (credit.Free > 0)
            Take(await Receive(longest, end));
        else
            await credit.WaitForMore(longest, end);
    }

    /// <summary>As many as there is credit for, and as are likely to fit in <see cref="HttpGatewayOptions.EventBytesAtOnce"/>: what a client does not read waits in the log.</summary>
    private async Task<IReadOnlyCollection<Delivery>> Receive(TimeSpan wait, CancellationToken end)
    {
        var max = Math.Clamp(call.Options.EventBytesAtOnce / _averageBytes, 1, Math.Min(MaxAtOnce, credit.Free));
        foreach (var delivery in await call.Broker.Receive(_topic, _group, request with { Max = (int)max, Wait = wait }, end))
            _unsent.Enqueue(delivery);
        if (_unsent.Count > 0)
            _averageBytes = Math.Max(1, (long)_unsent.Average(delivery => (double)delivery.Body.Length));
        return _unsent;
    }

    /// <summary>From when they were received, which is after they were leased: the credit comes back after the lease has lapsed, never before.</summary>
    private void Take(IReadOnlyCollection<Delivery> deliveries)
    {
        foreach (var delivery in deliveries)
            credit.Take(delivery.Lease, request.Lease ?? credit.Lease);
    }

    private async Task Write(ReadOnlyMemory<byte> text)
    {
        await call.Send(EventText.MediaType, text, call.Options.EventStallTimeout);
        _wroteAt = Stopwatch.GetTimestamp();
    }

    private async Task GiveBack()
    {
        if (_unsent.Count == 0)
            return;
        using var limit = new CancellationTokenSource(GiveBackWithin);
        try
        {
            await call.Broker.Settle(_topic, _group, Settlement.Refuse([.. _unsent.Select(delivery => delivery.Lease)], TimeSpan.Zero), limit.Token);
        }
        catch (Exception e) when (e is MqException or OperationCanceledException)
        {
            // Then they lapse.
        }
    }
}
