namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>ListOffsets 1-6: <c>replica i32 | (2) isolation i8 | topics [name | partitions [index i32 | (4) leader epoch i32 | time i64]]</c>.</summary>
/// <param name="Committed">The end is the last stable offset.</param>
internal sealed record ListOffsetsRequest(IReadOnlyList<ListOffsetsPartition> Partitions, bool Committed)
{
    public static ListOffsetsRequest Read(ref KafkaReader reader, short version)
    {
        reader.Int32();
        var committed = version >= 2 && reader.Byte() == 1;
        var partitions = new List<ListOffsetsPartition>();
        for (var topics = reader.Count(6); topics > 0 && !reader.Failed; topics--)
        {
            var topic = reader.String();
            for (var count = reader.Count(12); count > 0 && !reader.Failed; count--)
            {
                var partition = reader.Int32();
                if (version >= 4)
                    reader.Int32();
                partitions.Add(new ListOffsetsPartition(topic, partition, reader.Int64()));
                reader.Tags();
            }
            reader.Tags();
        }
        reader.Tags();
        return new ListOffsetsRequest(partitions, committed);
    }
}

/// <param name="Time">Milliseconds since 1970, or one of the two names.</param>
internal readonly record struct ListOffsetsPartition(string Topic, int Partition, long Time)
{
    public const long Latest = -1;
    public const long Earliest = -2;
}

/// <param name="Time">-1 for the named places, and where nothing is found.</param>
internal readonly record struct ListOffsetsResult(KafkaError Error, long Time, long Offset);

internal static class ListOffsetsResponse
{
    public static void Write(KafkaWriter writer, short version, IReadOnlyList<ListOffsetsPartition> asked, ListOffsetsResult[] results)
    {
        if (version >= 2)
            writer.Throttle();
        ByTopic.Write(writer, asked, partition => partition.Topic, (at, partition) =>
        {
            writer.Int32(partition.Partition);
            writer.Error(results[at].Error);
            writer.Int64(results[at].Time);
            writer.Int64(results[at].Offset);
            if (version >= 4)
                writer.Int32(-1);
        });
        writer.Tags();
    }
}
