using OrleansMq.Client;
using OrleansMq.Client.Grains;

namespace OrleansMq;

/// <summary>Reading many partitions at once: all are asked side by side; where too little is there, all are asked to wait, and the first that has something ends it.</summary>
public sealed partial class ClusterBroker
{
    public const int MaxReadPartitions = 10_000;

    public async ValueTask<ReadResult> Read(ReadRequest request, CancellationToken cancel = default)
    {
        if (request.Partitions.Count > MaxReadPartitions)
            throw new MqException(ErrorCodes.Malformed, $"{MaxReadPartitions} partitions are read at once; {request.Partitions.Count} were asked.");
        if (request.Partitions.Count == 0)
            return new ReadResult([]);
        var until = _options.Time.GetUtcNow() + request.Wait;
        var reads = await ReadAll(request, request.Partitions.Select(_ => TimeSpan.Zero).ToArray(), cancel);
        while (true)
        {
            var left = until - _options.Time.GetUtcNow();
            if (reads.Any(read => read.Error is not null) || reads.Sum(read => (long)read.Batches.Length) >= request.MinBytes || left <= TimeSpan.Zero)
                return new ReadResult(reads);
            reads = await ReadWaiting(request, left > MaxWait ? MaxWait : left, reads, cancel);
        }
    }

    private Task<PartitionRead[]> ReadAll(ReadRequest request, TimeSpan[] waits, CancellationToken cancel)
    {
        // Each may give its share of the whole; what one leaves over, the next read gives to the others.
        var share = Math.Max(4096, request.MaxBytes / request.Partitions.Count);
        return Task.WhenAll(request.Partitions.Select((cursor, i) => ReadOne(cursor, Math.Max(1, Math.Min(cursor.MaxBytes, share)), request.Isolation, waits[i], cancel)));
    }

    /// <summary>Waits until one of those that had nothing more has something, or for the time given; then looks at all again.</summary>
    private async Task<PartitionRead[]> ReadWaiting(ReadRequest request, TimeSpan wait, PartitionRead[] seen, CancellationToken cancel)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var waiting = request.Partitions.Select((cursor, i) => WaitBehind(cursor, request.Isolation, seen[i].End, wait, enough.Token)).ToList();
        await Task.WhenAny(waiting);
        await enough.CancelAsync();
        try
        {
            await Task.WhenAll(waiting);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // Those that had nothing yet.
        }

        return await ReadAll(request, request.Partitions.Select(_ => TimeSpan.Zero).ToArray(), cancel);
    }

    private async Task WaitBehind(PartitionCursor cursor, Isolation isolation, long end, TimeSpan wait, CancellationToken cancel) =>
        await ReadOne(cursor with { Offset = Math.Max(end, cursor.Offset) }, 1, isolation, wait, cancel);

    private async Task<PartitionRead> ReadOne(PartitionCursor cursor, int maxBytes, Isolation isolation, TimeSpan wait, CancellationToken cancel)
    {
        try
        {
            var block = await OnAny(
                cursor.Topic,
                async target => await _failover.Ask(
                    () => PartitionGrain(target, cursor.Partition).Read(new ReadTerms(cursor.Offset, maxBytes, wait, target.DeadLettersOf, isolation), cancel), Repeat.Freely, cancel),
                cancel);
            return new PartitionRead
            {
                Topic = cursor.Topic, Partition = cursor.Partition, Batches = block.Batches, Start = block.Start, End = block.End, LastStableOffset = block.Stable, Aborted = block.Aborted,
            };
        }
        catch (MqException error)
        {
            return new PartitionRead { Topic = cursor.Topic, Partition = cursor.Partition, Error = error.Error };
        }
    }
}
