using System.Threading.Channels;

namespace OrleansMq.Samples.Flights;

/// <summary>
/// Publishes the flights in order of time, keyed by origin, through one producer. The producer repeats by itself what the broker's death
/// interrupts, without doubling and without changing the order: nothing here knows that there will be a kill.
/// </summary>
internal sealed class Publisher(IBroker broker, TopicName topic, Ledger ledger, int window)
{
    /// <summary>Every flight published and acknowledged. At most <c>window</c> are on their way at once; beyond, the time to the acknowledgement would measure our own queue.</summary>
    public async Task Publish(IEnumerable<Flight> flights, CancellationToken cancel)
    {
        await using var producer = new Producer(broker, topic, new ProducerOptions { Client = "flights" });
        var onTheirWay = Channel.CreateBounded<Task>(window);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var answers = TakeAnswers(onTheirWay.Reader, stop);
        try
        {
            foreach (var flight in flights)
                await onTheirWay.Writer.WriteAsync(PublishOne(producer, flight), stop.Token);
        }
        catch (OperationCanceledException) when (answers.IsFaulted)
        {
        }
        onTheirWay.Writer.Complete();
        await answers;
    }

    /// <summary>
    /// Publishes flights again that were acknowledged already, as a publisher does that lost its notes and starts over: a new producer, so
    /// that only their tokens tell. Each must be answered as a duplicate, with its first position.
    /// </summary>
    /// <returns>How many were not.</returns>
    public async Task<int> PublishAgain(IReadOnlyList<Flight> flights, CancellationToken cancel)
    {
        await using var forgetful = new Producer(broker, topic, new ProducerOptions { Client = "forgetful" });
        var answers = await Task.WhenAll(flights.Select(flight => forgetful.Send(flight.ToMessage(), cancel)));
        return flights.Zip(answers).Count(pair => !ledger.ResentAs(pair.First, pair.Second));
    }

    private async Task PublishOne(Producer producer, Flight flight)
    {
        ledger.Published(flight);
        ledger.AckedAs(flight, await producer.Send(flight.ToMessage()));
    }

    // The first flight that was refused for good ends it all.
    private static async Task TakeAnswers(ChannelReader<Task> onTheirWay, CancellationTokenSource stop)
    {
        try
        {
            await foreach (var answer in onTheirWay.ReadAllAsync(stop.Token))
                await answer;
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
    }
}
