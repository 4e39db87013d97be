using System.Diagnostics;
using System.Globalization;
using System.Text;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Failover;

/// <summary>Idempotent producers that send to every partition without end, and what became of each message.</summary>
internal sealed class Load(IBroker broker, TopicName topic, FailoverOptions options)
{
    private const int InFlight = 5;
    private const int Keys = 7;

    private readonly History _history = new();
    private readonly List<(long Sent, long Answered, int Partition)> _acknowledged = [];
    private readonly List<string> _refused = [];

    public History History => _history;

    public IReadOnlyList<string> Refused => _refused;

    public int Acknowledged
    {
        get
        {
            lock (_acknowledged)
                return _acknowledged.Count;
        }
    }

    public Task Run(CancellationToken over) => Task.WhenAll(Enumerable.Range(0, options.Producers).Select(n => Produce(n, over)));

    /// <summary>When every partition had acknowledged a message that was sent after that moment; null where one has not.</summary>
    public TimeSpan? BackAfter(long moment)
    {
        lock (_acknowledged)
        {
            var firsts = _acknowledged.Where(ack => ack.Sent > moment).GroupBy(ack => ack.Partition).Select(partition => partition.Min(ack => ack.Answered)).ToList();
            return firsts.Count == options.Partitions ? Stopwatch.GetElapsedTime(moment, firsts.Max()) : null;
        }
    }

    private async Task Produce(int n, CancellationToken over)
    {
        await using var producer = new Producer(broker, topic, new ProducerOptions { Client = $"producer {n}", CloseTimeout = TimeSpan.FromMinutes(2) });
        await Task.WhenAll(Enumerable.Range(0, options.Partitions).Select(partition => ProduceTo(producer, n, partition, over)));
    }

    /// <summary>One lane: its messages are sent in order, a few under way at once, so that an order that is lost would show.</summary>
    private async Task ProduceTo(Producer producer, int n, int partition, CancellationToken over)
    {
        var session = $"producer {n} to {partition}";
        var room = new SemaphoreSlim(InFlight);
        var waiting = new List<Task>();
        for (var index = 0; !over.IsCancellationRequested; index++)
        {
            await room.WaitAsync(CancellationToken.None);
            waiting.RemoveAll(task => task.IsCompleted);
            waiting.Add(Send(producer, session, index, partition, room));
            await Task.Delay(options.Pause, CancellationToken.None);
        }
        await Task.WhenAll(waiting);
    }

    private async Task Send(Producer producer, string session, int index, int partition, SemaphoreSlim room)
    {
        var began = Stopwatch.GetTimestamp();
        var sent = new Sent { Uid = $"{session} #{index}", Topic = topic.Text, Key = (index % Keys).ToString(CultureInfo.InvariantCulture), Session = session, Index = index };
        var attempt = new Attempt { Call = new Call("send", 0), Durable = true, Partition = partition };
        sent.Attempts.Add(attempt);
        lock (_history)
            _history.Sent[sent.Uid] = sent;
        try
        {
            var stored = await producer.Send(new Message { Key = Encoding.UTF8.GetBytes(sent.Key), Body = Encoding.UTF8.GetBytes(sent.Uid), Partition = partition });
            (attempt.Offset, attempt.Outcome) = (stored.Position.Offset, Outcome.Ok);
            lock (_acknowledged)
                _acknowledged.Add((began, Stopwatch.GetTimestamp(), partition));
        }
        catch (MqException refused)
        {
            attempt.Outcome = refused.Code == ErrorCodes.OutcomeUnknown ? Outcome.Unknown : Outcome.Failed;
            lock (_refused)
                _refused.Add($"{sent.Uid}: {refused.Code} {refused.Message}");
        }
        finally
        {
            room.Release();
        }
    }
}
