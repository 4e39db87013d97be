using OrleansMq.Records;

namespace OrleansMq.LoadBench.Loads;

/// <summary>Builds batches and appends them, a fixed number on their way at once; partitions in turn.</summary>
internal static class BatchWriting
{
    /// <param name="appended">Told of each batch's messages when it is acknowledged.</param>
    public static async Task Run(IBroker broker, Load load, Action<int>? appended = null)
    {
        var batches = (load.Count + load.Batch - 1) / load.Batch;
        long next = -1;
        await Task.WhenAll(Enumerable.Range(0, (int)Math.Min(load.InFlight, batches)).Select(_ => Task.Run(Slot)));

        async Task Slot()
        {
            var builder = new RecordBatchBuilder(load.Batch * (load.Size + 16) + 128);
            var body = load.NewBody();
            for (var n = Interlocked.Increment(ref next); n < batches; n = Interlocked.Increment(ref next))
            {
                var messages = (int)Math.Min(load.Batch, load.Count - n * load.Batch);
                await broker.Append(new AppendRequest
                {
                    Topic = load.Topic,
                    Partition = (int)(n % load.Partitions),
                    Batch = Build(builder, messages, body),
                    Acks = load.Acks,
                });
                appended?.Invoke(messages);
            }
        }
    }

    public static ReadOnlyMemory<byte> Build(RecordBatchBuilder builder, int messages, ReadOnlySpan<byte> body)
    {
        builder.Reset();
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        for (var i = 0; i < messages; i++)
            builder.Append(now, default, false, body, true);
        return builder.Build();
    }
}
