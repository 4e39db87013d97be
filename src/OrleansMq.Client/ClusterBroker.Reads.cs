using OrleansMq.Client;
using OrleansMq.Client.Grains;

namespace OrleansMq;

/// <summary>
/// Reading many partitions at once: they are asked side by side, so many at a time; where too little is there, all are asked to wait, and the first that has something ends it.
/// One partition waits in the call that reads it.
/// </summary>
public sealed partial class ClusterBroker
{
    /// <summary>So many are asked at a time; the next when it is known how much these gave.</summary>
    private const int Wave = 64;

    /// <summary>The least that a partition is asked for while there is room.</summary>
    private const int LeastShare = 4096;

    public async ValueTask<ReadResult> Read(ReadRequest request, CancellationToken cancel = default)
    {
        if (request.Partitions.Count > ReadRequest.MaxPartitions)
            throw new MqException(ErrorCodes.Malformed, $"{ReadRequest.MaxPartitions} partitions are read at once; {request.Partitions.Count} were asked.");
        if (request.Partitions.Count == 0)
            return new ReadResult([]);
        var until = _options.Time.GetUtcNow() + request.Wait;
        var isOne = request is { Partitions.Count: 1, EnoughBytes: 1 };
        var reads = await ReadAll(request, isOne ? AtMost(request.Wait) : TimeSpan.Zero, cancel);
        while (true)
        {
            var left = until - _options.Time.GetUtcNow();
            if (reads.Any(read => read.Error is not null) || reads.Sum(read => (long)read.Batches.Length) >= request.EnoughBytes || left <= TimeSpan.Zero)
                return new ReadResult(reads);
            reads = isOne ? await ReadAll(request, AtMost(left), cancel) : await ReadWaiting(request, AtMost(left), reads, cancel);
        }
    }

    private static TimeSpan AtMost(TimeSpan wait) => wait > MaxWait ? MaxWait : wait;

    /// <summary>Each may give its share of what is left of the whole; where nothing is left, it only says where it stands.</summary>
    private async Task<PartitionRead[]> ReadAll(ReadRequest request, TimeSpan wait, CancellationToken cancel)
    {
        var reads = new PartitionRead[request.Partitions.Count];
        var room = (long)Math.Max(1, request.MaxBytes);
        for (var first = 0; first < reads.Length; first += Wave)
        {
            var count = Math.Min(Wave, reads.Length - first);
            var share = room <= 0 ? 0 : (int)Math.Max(LeastShare, room / (reads.Length - first));
            var wave = await Task.WhenAll(request.Partitions.Skip(first).Take(count).Select(cursor =>
                ReadOne(cursor, share == 0 ? 0 : Math.Max(1, Math.Min(cursor.MaxBytes, share)), request, wait, cancel)));
            for (var i = 0; i < count; i++)
            {
                // A partition gives one batch at least, however large: what there is no room for is left for the next read.
                reads[first + i] = room > 0 ? wave[i] : wave[i] with { Batches = default, Aborted = [] };
                room -= reads[first + i].Batches.Length;
            }
        }

        return reads;
    }

    /// <summary>Waits until one of those that had nothing more has something, or for the time given; then looks at all again.</summary>
    private async Task<PartitionRead[]> ReadWaiting(ReadRequest request, TimeSpan wait, PartitionRead[] seen, CancellationToken cancel)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var waiting = request.Partitions.Select((cursor, i) => WaitBehind(cursor, request, seen[i].End, wait, enough.Token)).ToList();
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

        return await ReadAll(request, TimeSpan.Zero, cancel);
    }

    /// <summary>What one call may look through, each partition its part; a partition looks at one batch at least.</summary>
    private static int LookedShare(ReadRequest request) => Math.Max(LeastShare, ReadRequest.MaxLookedBytes / request.Partitions.Count);

    private async Task WaitBehind(PartitionCursor cursor, ReadRequest request, long end, TimeSpan wait, CancellationToken cancel) =>
        await ReadOne(cursor with { Offset = Math.Max(end, cursor.Offset) }, 1, request, wait, cancel);

    private static TopicTarget MustHave(Guid id, TopicTarget target) => id == Guid.Empty || (id == target.Id && target.DeadLettersOf is null) ? target : throw new MqException(ErrorCodes.TopicUnknown, $"Topic '{target.Topic}' has not the id {id} (any more).");

    private async Task<PartitionRead> ReadOne(PartitionCursor cursor, int maxBytes, ReadRequest request, TimeSpan wait, CancellationToken cancel)
    {
        try
        {
            var block = await OnAny(
                cursor.Topic,
                async target => await _failover.Ask(
                    () => PartitionGrain(MustHave(cursor.TopicId, target), cursor.Partition).Read(new ReadTerms(cursor.Offset, maxBytes, wait, target.DeadLettersOf, request.Isolation, request.Filter, request.Group, LookedShare(request)), cancel), Repeat.Freely, cancel),
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
