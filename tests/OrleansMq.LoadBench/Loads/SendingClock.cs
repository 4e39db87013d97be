using System.Buffers.Binary;
using System.Diagnostics;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Loads;

/// <summary>Sends by the clock, whether or not what was sent before was answered; notes when each message was due, and what became of it, in the clock's ticks.</summary>
internal sealed class SendingClock(long count, int rate)
{
    private readonly TaskCompletionSource _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Exception? _failure;
    private long _ended;
    private long _start;

    public long[] Acknowledged { get; } = new long[count];

    public long[] Delivered { get; } = new long[count];

    /// <summary>A body begins with the message's number.</summary>
    /// <returns>How late the sender itself was at most, in µs.</returns>
    public Task<double> Send(Producer producer, Load load)
    {
        _start = Stopwatch.GetTimestamp() + Stopwatch.Frequency / 100;
        return Task.Factory.StartNew(() => SendOnThisThread(producer, load), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Done when each that was sent is acknowledged.</summary>
    /// <exception cref="InvalidOperationException">One was not: what was measured is not what was to be.</exception>
    public async Task AllAcknowledged()
    {
        await _answered.Task;
        if (_failure is not null)
            throw new InvalidOperationException($"A message was not taken: {_failure.Message}", _failure);
    }

    /// <summary>In µs from when each was due, without the first second.</summary>
    /// <exception cref="InvalidOperationException">One has no time.</exception>
    public IReadOnlyList<double> Measured(long[] times)
    {
        if (Array.IndexOf(times, 0L) is var missing && missing >= 0)
            throw new InvalidOperationException($"Message {missing} of {count} never came to be measured.");
        return [.. Enumerable.Range(rate, (int)count - rate).Select(i => Stopwatch.GetElapsedTime(Due(i), times[i]).TotalMicroseconds)];
    }

    private long Due(long number) => _start + number * Stopwatch.Frequency / rate;

    private double SendOnThisThread(Producer producer, Load load)
    {
        var late = 0.0;
        Disk.SleepExactly();
        for (long i = 0; i < count; i++)
        {
            var due = Due(i);
            for (var now = Stopwatch.GetTimestamp(); now < due; now = Stopwatch.GetTimestamp())
                Disk.Sleep(Stopwatch.GetElapsedTime(now, due));
            late = Math.Max(late, Stopwatch.GetElapsedTime(due).TotalMicroseconds);
            var body = load.NewBody();
            BinaryPrimitives.WriteInt64LittleEndian(body, i);
            _ = Acknowledge(producer.Send(new Message { Body = body }), i);
        }
        return late;
    }

    private async Task Acknowledge(Task<PublishResult> sent, long number)
    {
        try
        {
            (await sent).OrThrow();
            Acknowledged[number] = Stopwatch.GetTimestamp();
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, e, null);
        }
        finally
        {
            if (Interlocked.Increment(ref _ended) == count)
                _answered.SetResult();
        }
    }
}
