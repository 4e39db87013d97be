using OrleansMq.Records;

namespace OrleansMq.Access;

/// <summary>How much a tenant may have stored and delayed. Nodes measure by themselves, and what comes within a measurement's interval may exceed.</summary>
internal sealed partial class TenantBroker
{
    private ValueTask DemandRoomFor(IReadOnlyList<Message> messages, CancellationToken cancel)
    {
        var limits = UseLimits;
        return limits is (null, null) ? ValueTask.CompletedTask : DemandUse(limits, GuardedBroker.SizeOf(messages), () => messages.Any(message => message?.DeliverAt is not null || message?.DeliverAfter is not null), cancel);
    }

    private ValueTask DemandRoomFor(AppendRequest request, CancellationToken cancel)
    {
        var limits = UseLimits;
        return limits is (null, null) ? ValueTask.CompletedTask : DemandUse(limits, request.Batch.Length, () => request.Rich && MayDelay(request.Batch), cancel);
    }

    private (long? Storage, long? Delayed) UseLimits => (LimitOf(QuotaKind.Storage), LimitOf(QuotaKind.Delayed));

    private async ValueTask DemandUse((long? Storage, long? Delayed) limits, long bytes, Func<bool> delays, CancellationToken cancel)
    {
        var use = _names.Use;
        await use.Refresh(TenantUse.MeasureEvery, _quotas.Time, () => Measure(cancel), cancel);
        if (use.Stored + bytes > limits.Storage || use.Delayed >= limits.Delayed)
            await use.Refresh(TenantUse.MeasureAgainEvery, _quotas.Time, () => Measure(cancel), cancel);
        if (use.Stored + bytes > limits.Storage)
            throw Reached(QuotaKind.Storage, limits.Storage!.Value);
        if (use.Delayed >= limits.Delayed && delays())
            throw Reached(QuotaKind.Delayed, limits.Delayed!.Value);
        use.Add(bytes);
    }

    private async ValueTask<Dictionary<TopicName, (long Stored, long Delayed)>> Measure(CancellationToken cancel)
    {
        var found = new Dictionary<TopicName, (long Stored, long Delayed)>();
        await foreach (var topic in Topics(cancel))
        {
            try
            {
                var partitions = (await DescribeTopic(topic, cancel)).Partitions;
                found[topic] = (partitions.Sum(partition => partition.Bytes), partitions.Sum(partition => partition.Delayed));
                if (partitions.Any(partition => partition.Error is not null))
                    found[topic] = Greater(found[topic], _names.Use.LastOf(topic));
            }
            catch (MqException gone) when (gone.Code == ErrorCodes.TopicUnknown)
            {
                // Deleted since it was listed.
            }
            catch (MqException)
            {
                // What does not answer refuses nothing of another topic, and has not got less.
                found[topic] = _names.Use.LastOf(topic);
            }
        }

        return found;

        static (long, long) Greater((long Stored, long Delayed) one, (long Stored, long Delayed) other) => (Math.Max(one.Stored, other.Stored), Math.Max(one.Delayed, other.Delayed));
    }

    /// <summary>One that can't be read is the broker's to refuse; of one that is compressed nobody here knows.</summary>
    private static bool MayDelay(ReadOnlyMemory<byte> bytes)
    {
        if (RecordBatch.TryRead(bytes, out var batch) != BatchReadStatus.Done)
            return false;
        if (batch.Codec != CompressionCodec.None)
            return true;
        if (!batch.TryValidateRecords(RecordBatch.DefaultMaxDecompressedBytes, out _))
            return false;
        foreach (var record in batch.Records())
            if (record.Headers.TryGetLast(ReservedHeaders.DeliverAtUtf8, out _))
                return true;
        return false;
    }
}
