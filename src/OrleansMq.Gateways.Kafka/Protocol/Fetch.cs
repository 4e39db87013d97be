namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>
/// Fetch 4-13: <c>replica i32 | max wait i32 | min bytes i32 | max bytes i32 | isolation i8 | (7) session i32, epoch i32 |
/// topics [name, from 13 id | partitions [index i32 | (9) leader epoch i32 | offset i64 | (12) last epoch i32 | (5) log start i64 | max bytes i32]] | (7) forgotten | (11) rack</c>.
/// </summary>
internal sealed record FetchRequest
{
    public required int MaxWaitMs { get; init; }
    public required int MinBytes { get; init; }
    public required int MaxBytes { get; init; }
    public required bool Committed { get; init; }

    /// <summary>0: none. We open no sessions, so any other is one that we don't have.</summary>
    public required int Session { get; init; }

    public required IReadOnlyList<FetchPartition> Partitions { get; init; }

    public static FetchRequest Read(ref KafkaReader reader, short version)
    {
        reader.Int32();
        var (wait, min, max, isolation) = (reader.Int32(), reader.Int32(), reader.Int32(), reader.Byte());
        var session = version >= 7 ? reader.Int32() : 0;
        if (version >= 7)
            reader.Int32();
        var partitions = new List<FetchPartition>();
        for (var topics = reader.Count(6); topics > 0 && !reader.Failed; topics--)
        {
            var (topic, id) = version >= 13 ? ("", reader.Id()) : (reader.String(), Guid.Empty);
            for (var count = reader.Count(16); count > 0 && !reader.Failed; count--)
            {
                var partition = reader.Int32();
                if (version >= 9)
                    reader.Int32();
                var offset = reader.Int64();
                if (version >= 12)
                    reader.Int32();
                if (version >= 5)
                    reader.Int64();
                partitions.Add(new FetchPartition(topic, id, partition, offset, reader.Int32()));
                reader.Tags();
            }
            reader.Tags();
        }
        if (version >= 7)
        {
            for (var topics = reader.Count(6); topics > 0 && !reader.Failed; topics--)
            {
                if (version >= 13)
                    reader.Id();
                else
                    reader.String();
                reader.Int32Array();
                reader.Tags();
            }
        }
        if (version >= 11)
            reader.String();
        reader.Tags();
        return new FetchRequest { MaxWaitMs = wait, MinBytes = min, MaxBytes = max, Committed = isolation == 1, Session = session, Partitions = partitions };
    }
}

/// <param name="Topic">Not read where its id is.</param>
internal readonly record struct FetchPartition(string Topic, Guid Id, int Partition, long Offset, int MaxBytes);

internal static class FetchResponse
{
    public static void WriteHead(KafkaWriter writer, short version, KafkaError error)
    {
        writer.Throttle();
        if (version < 7)
            return;
        writer.Error(error);
        writer.Int32(0);
    }

    /// <summary>An empty fetch is a field of no bytes, not a null.</summary>
    public static void WritePartition(KafkaWriter writer, short version, int partition, KafkaError error, PartitionRead? read)
    {
        writer.Int32(partition);
        writer.Error(error);
        writer.Int64(read?.End ?? -1);
        writer.Int64(read?.LastStableOffset ?? -1);
        if (version >= 5)
            writer.Int64(read?.Start ?? -1);
        writer.Array(read?.Aborted ?? [], (w, aborted) =>
        {
            w.Int64(aborted.ProducerId);
            w.Int64(aborted.FirstOffset);
        });
        if (version >= 11)
            writer.Int32(-1);
        writer.Lend(read?.Batches ?? default);
    }
}
