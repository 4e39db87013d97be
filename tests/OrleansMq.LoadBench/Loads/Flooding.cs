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
    private long _messages;
    private long _refused;

    private Flooding(HttpBroker client, Load load, bool rude)
    {
        (_client, _load, _rude) = (client, load, rude);
        _all = Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Run(Append)));
    }

    public double MessagesPerSecond => Interlocked.Read(ref _messages) / Stopwatch.GetElapsedTime(_began).TotalSeconds;

    public double RefusedPerSecond => Interlocked.Read(ref _refused) / Stopwatch.GetElapsedTime(_began).TotalSeconds;

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
        await _all;
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
