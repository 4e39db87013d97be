namespace OrleansMq.LoadBench.Loads;

/// <summary>Leases messages and acknowledges each lease by its own id; one receive and one settle carry up to so many.</summary>
internal static class QueueReading
{
    /// <returns>How many deliveries were not the first of their message.</returns>
    public static async Task<long> Run(IBroker broker, TopicName topic, GroupName group, long count, int consumers, int perCall)
    {
        long done = 0, again = 0;
        using var finished = new CancellationTokenSource();
        await Task.WhenAll(Enumerable.Range(0, consumers).Select(number => Task.Run(() => Consume($"c{number}"))));
        return again;

        async Task Consume(string name)
        {
            var leases = new List<LeaseId>(perCall);
            try
            {
                while (!finished.IsCancellationRequested)
                {
                    var got = await broker.Receive(topic, group, new ReceiveRequest { Max = perCall, Wait = TimeSpan.FromSeconds(1), Consumer = name }, finished.Token);
                    if (got.Count == 0)
                        continue;
                    leases.Clear();
                    foreach (var delivery in got)
                    {
                        leases.Add(delivery.Lease);
                        if (delivery.DeliveryCount > 1)
                            Interlocked.Increment(ref again);
                    }

                    foreach (var result in await broker.Settle(topic, group, Settlement.Acknowledge(leases)))
                        if (!result.Ok)
                            throw new InvalidOperationException($"Lease {result.Lease} was not acknowledged: {result.Code}.");
                    if (Interlocked.Add(ref done, got.Count) >= count)
                        await finished.CancelAsync();
                }
            }
            catch (OperationCanceledException) when (finished.IsCancellationRequested)
            {
            }
        }
    }
}
