namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>Partitions are asked topic by topic, and are held here in one list; the answer has them topic by topic again.</summary>
internal static class ByTopic
{
    /// <summary>Writes <c>[topic | [partition…]]</c>. What belongs to a topic stands together in the list, as it came.</summary>
    public static void Write<T>(KafkaWriter writer, IReadOnlyList<T> items, Func<T, string> topicOf, Action<int, T> write)
    {
        var topics = writer.Reserve(4);
        var count = 0;
        for (var i = 0; i < items.Count; count++)
        {
            var topic = topicOf(items[i]);
            writer.String(topic);
            var partitions = writer.Reserve(4);
            var first = i;
            for (; i < items.Count && topicOf(items[i]) == topic; i++)
                write(i, items[i]);
            writer.PatchInt32(partitions, i - first);
        }
        writer.PatchInt32(topics, count);
    }
}
