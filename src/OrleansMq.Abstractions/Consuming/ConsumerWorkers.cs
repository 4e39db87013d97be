using System.Diagnostics.CodeAnalysis;

namespace OrleansMq;

/// <summary>A consumer's workers, and how they end: no new messages, handlers finish, the last settlements are answered.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A source without timer and wait handle holds nothing; who still looks at its token may do so.")]
internal sealed class ConsumerWorkers
{
    private readonly DeliveryStream _stream;
    private readonly QueueConsumerOptions _options;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _cancelHandlers = new();
    private readonly Task _working;
    private readonly Lazy<Task> _stopping;

    public ConsumerWorkers(DeliveryStream stream, QueueConsumerOptions options, TimeProvider time, Func<CancellationToken, Task> work)
    {
        (_stream, _options, _time) = (stream, options, time);
        _working = Task.WhenAll(Enumerable.Range(0, options.Workers).Select(_ => work(_cancelHandlers.Token)));
        _stopping = new(StopOnce);
        stream.Start();
    }

    public ValueTask Stop() => new(_stopping.Value);

    private async Task StopOnce()
    {
        await _stream.StopReceiving();
        if (!await WorkersAreDone())
        {
            _cancelHandlers.Cancel();
            await WorkersAreDone();
        }

        await _stream.Finish(_options.StopTimeout);
    }

    private async Task<bool> WorkersAreDone()
    {
        try
        {
            await _working.WaitAsync(_options.StopTimeout, _time);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
