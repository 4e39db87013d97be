using OrleansMq.Records;

namespace OrleansMq.Access;

/// <summary>How much a tenant may have stored and delayed. Nodes measure by themselves, so what comes in elsewhere between two measurements may exceed.</summary>
internal sealed partial class TenantBroker
{
    private ValueTask DemandRoomFor(IReadOnlyList<Message> messages)
    {
        var limits = UseLimits;
        return limits is (null, null) ? ValueTask.CompletedTask
            : DemandUse(limits, new(GuardedBroker.SizeOf(messages), messages.Count(message => message?.DeliverAt is not null || message?.DeliverAfter is not null)));
    }

    private ValueTask DemandRoomFor(AppendRequest request)
    {
        var limits = UseLimits;
        return limits is (null, null) ? ValueTask.CompletedTask
            : DemandUse(limits, new(request.Batch.Length, request.Rich && limits.Delayed is not null ? DelayedIn(request.Batch) : 0));
    }

    private (long? Storage, long? Delayed) UseLimits => (LimitOf(QuotaKind.Storage), LimitOf(QuotaKind.Delayed));

    private async ValueTask DemandUse((long? Storage, long? Delayed) limits, Use more)
    {
        var use = _names.Use;
        await use.Refresh(TenantUse.MeasureEvery, wait: false, _quotas.Time, Measure);
        if (ReachedBy(use.Now + more) is not null)
            await use.Refresh(TenantUse.MeasureAgainEvery, wait: true, _quotas.Time, Measure);
        use.Add(more);
        if (ReachedBy(use.Now) is not { } reached)
            return;
        use.Add(new(-more.Stored, -more.Delayed));
        throw reached;

        MqException? ReachedBy(Use all) => all.Stored > limits.Storage ? Reached(QuotaKind.Storage, limits.Storage.Value)
            : more.Delayed > 0 && all.Delayed > limits.Delayed ? Reached(QuotaKind.Delayed, limits.Delayed.Value)
            : null;
    }

    private async ValueTask<IReadOnlyDictionary<TopicName, Use>> Measure()
    {
        var found = new Dictionary<TopicName, Use>();
        await foreach (var topic in StoringTopics(CancellationToken.None))
        {
            try
            {
                var partitions = (await DescribeTopic(topic)).Partitions;
                var now = new Use(partitions.Sum(partition => partition.Bytes), partitions.Sum(partition => partition.Delayed));
                // A partition that does not answer says 0, and has not got less.
                var last = partitions.Any(partition => partition.Error is not null) ? _names.Use.LastOf(topic) : default;
                found[topic] = new(Math.Max(now.Stored, last.Stored), Math.Max(now.Delayed, last.Delayed));
            }
            catch (MqException gone) when (gone.Code == ErrorCodes.TopicUnknown)
            {
                // Deleted since it was listed, or no schedule made it.
            }
            catch (MqException)
            {
                // It refuses nothing of another topic.
                found[topic] = _names.Use.LastOf(topic);
            }
        }

        return found;
    }

    /// <summary>One that can't be read is the broker's to refuse; of one that is compressed nobody here knows, and all of it counts.</summary>
    private static int DelayedIn(ReadOnlyMemory<byte> bytes)
    {
        if (RecordBatch.TryRead(bytes, out var batch) != BatchReadStatus.Done)
            return 0;
        if (batch.Codec != CompressionCodec.None)
            return Math.Max(0, batch.Count);
        if (!batch.TryValidateRecords(RecordBatch.DefaultMaxDecompressedBytes, out _))
            return 0;
        var delayed = 0;
        foreach (var record in batch.Records())
            delayed += record.Headers.TryGetLast(ReservedHeaders.DeliverAtUtf8, out _) ? 1 : 0;
        return delayed;
    }
}
