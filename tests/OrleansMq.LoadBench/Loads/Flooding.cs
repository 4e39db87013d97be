using System.Diagnostics;
using OrleansMq.Records;

namespace OrleansMq.LoadBench.Loads;

/// <summary>Appends without end from several connections, until it is disposed.</summary>
internal sealed class Flooding : IAsyncDisposable
{
    private const int Connections = 16;

    private readonly CancellationTokenSource _stop = new();
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly HttpBroker _client;
    private readonly Load _load;
    private readonly bool _rude;
    private readonly Task _all;
    private TimeSpan _time;
    private long _messages;
    private long _refused;

    private Flooding(HttpBroker client, Load load, bool rude)
    {
        (_client, _load, _rude) = (client, load, rude);
        _all = Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Run(Append)));
    }

    /// <summary>After <see cref="Stop"/>.</summary>
    public double MessagesPerSecond => _messages / _time.TotalSeconds;

    /// <inheritdoc cref="MessagesPerSecond"/>
    public double RefusedPerSecond => _refused / _time.TotalSeconds;

    /// <summary>Throws what ended one of its connections before: with one less it was another flood than the one that is told of.</summary>
    /// <exception cref="InvalidOperationException">Nothing was taken of it.</exception>
    public async Task Stop()
    {
        _time = Stopwatch.GetElapsedTime(_began);
        await _stop.CancelAsync();
        await _all;
        if (_messages == 0)
            throw new InvalidOperationException($"Nothing of the flood was taken; {_refused} requests were refused.");
    }

    /// <param name="client">Disposed with the flood.</param>
    /// <param name="rude">Does not wait as long as it is told when it is refused.</param>
    public static async Task<Flooding> Start(HttpBroker client, Load load, bool rude)
    {
        await load.CreateTopic(client);
        return new Flooding(client, load, rude);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _all.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        await _client.DisposeAsync();
        _stop.Dispose();
    }

    private async Task Append()
    {
        var builder = new RecordBatchBuilder(_load.Batch * (_load.Size + 16) + 128);
        var body = _load.NewBody();
        try
        {
            while (true)
            {
                var request = new AppendRequest { Topic = _load.Topic, Partition = 0, Batch = BatchWriting.Build(builder, _load.Batch, body), Acks = _load.Acks };
                try
                {
                    await _client.Append(request, _stop.Token);
                    Interlocked.Add(ref _messages, _load.Batch);
                }
                catch (MqException e) when (e.Code == ErrorCodes.RateLimited)
                {
                    Interlocked.Increment(ref _refused);
                    await Task.Delay(_rude ? TimeSpan.FromMilliseconds(1) : e.RetryAfter ?? TimeSpan.FromSeconds(1), _stop.Token);
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The end of the run.
        }
    }
}
