using System.Diagnostics;

namespace OrleansMq.Trials.Strangers;

/// <summary>A client of its own right that publishes every few milliseconds, whatever others do, and takes the time of each.</summary>
internal sealed class Canary(HttpBroker client) : IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(5);

    private readonly CancellationTokenSource _stop = new();
    private List<double> _millis = [];
    private Task? _running;

    public long Published { get; private set; }

    public List<string> Failures { get; } = [];

    public void Start() => _running = Task.Run(Run);

    /// <returns>What was measured since the last time, in ms.</returns>
    public (double P50, double P99, int Count) Take()
    {
        var taken = Interlocked.Exchange(ref _millis, []);
        lock (taken)
        {
            taken.Sort();
            return taken.Count == 0 ? (double.NaN, double.NaN, 0) : (taken[taken.Count / 2], taken[(int)(taken.Count * 0.99)], taken.Count);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_running is not null)
            await _running;
        await client.DisposeAsync();
        _stop.Dispose();
    }

    private async Task Run()
    {
        while (!_stop.IsCancellationRequested)
        {
            var began = Stopwatch.GetTimestamp();
            try
            {
                (await client.Publish(GuardedProgram.Canary, [new Message { Body = "alive"u8.ToArray() }]))[0].OrThrow();
                Published++;
            }
            catch (MqException refused)
            {
                Failures.Add(refused.Message);
            }
            var millis = _millis;
            lock (millis)
                millis.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            await Task.Delay(Every);
        }
    }
}
