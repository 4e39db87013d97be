namespace OrleansMq;

/// <summary>As <see cref="QueueConsumer"/>, but for handlers that take several messages at once: so many, or what came within a time.</summary>
public sealed class BatchConsumer : IAsyncDisposable
{
    private readonly DeliveryStream _stream;
    private readonly BatchConsumerOptions _options;
    private readonly TimeProvider _time;
    private readonly Func<DeliveryBatch, CancellationToken, Task> _handle;
    private readonly ConsumerWorkers _workers;

    // One worker gathers at a time, else each had a few messages of what could be one batch.
    private readonly SemaphoreSlim _gathering = new(1, 1);

    public BatchConsumer(
        IBroker broker, TopicName topic, GroupName group, Func<DeliveryBatch, CancellationToken, Task> handle, BatchConsumerOptions? options = null, TimeProvider? time = null)
    {
        _options = options ?? new();
        _time = time ?? TimeProvider.System;
        _handle = handle;
        _stream = new DeliveryStream(broker, topic, group, _options, _time);
        _workers = new ConsumerWorkers(_stream, _options, _time, Work);
    }

    public ConsumerStatistics Statistics => _stream.Statistics;

    public async ValueTask DisposeAsync()
    {
        await _workers.Stop();
        _gathering.Dispose();
    }

    private async Task Work(CancellationToken cancel)
    {
        while (await Gather() is { Count: > 0 } held)
        {
            var batch = new DeliveryBatch(held);
            var otherwise = await Handle(batch, cancel);
            for (var i = 0; i < held.Count; i++)
                _stream.Settle(held[i], batch.VerdictOf(i, otherwise));
        }
    }

    /// <returns>Empty when there is an end.</returns>
    private async Task<List<HeldLease>> Gather()
    {
        await _gathering.WaitAsync(CancellationToken.None);
        try
        {
            List<HeldLease> held = [];
            while (held.Count == 0 && await _stream.Ready.Reader.WaitToReadAsync(CancellationToken.None))
                TakeReady(held);
            if (held.Count > 0 && held.Count < _options.MaxMessages && _options.MaxWait > TimeSpan.Zero)
                await GatherOn(held);
            return held;
        }
        finally
        {
            _gathering.Release();
        }
    }

    private async Task GatherOn(List<HeldLease> held)
    {
        using var enough = new CancellationTokenSource(_options.MaxWait, _time);
        try
        {
            while (held.Count < _options.MaxMessages && await _stream.Ready.Reader.WaitToReadAsync(enough.Token))
                TakeReady(held);
        }
        catch (OperationCanceledException)
        {
        }
    }

    private void TakeReady(List<HeldLease> held)
    {
        while (held.Count < _options.MaxMessages && _stream.Ready.Reader.TryRead(out var next))
        {
            if (next.IsLost)
                _stream.Settle(next, Verdict.Return);
            else
                held.Add(next);
        }
    }

    private async Task<Verdict> Handle(DeliveryBatch batch, CancellationToken cancel)
    {
        using var span = MessageTracing.StartProcess(_stream.Topic, _stream.Group, batch.Deliveries);
        try
        {
            await _handle(batch, cancel);
            return Verdict.Acknowledge;
        }
        catch (Exception e)
        {
            MessageTracing.Failed(span, e);
            var verdict = Verdict.Of(e, cancel, out var unexpected);
            if (unexpected)
                _stream.Calls.ReportHandler(e);
            return verdict;
        }
    }
}
