namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>Partitions are asked topic by topic, and are held here in one list; the answer has them topic by topic again.</summary>
internal static class ByTopic
{
    /// <summary>Writes <c>[topic | [partition…]]</c>. What belongs to a topic stands together in the list, as it came.</summary>
    /// <param name="writeTopic">Where it is not the name that stands there.</param>
    public static void Write<T>(KafkaWriter writer, IReadOnlyList<T> items, Func<T, string> topicOf, Action<int, T> write, Action<T>? writeTopic = null)
    {
        var topics = 0;
        for (var i = 0; i < items.Count; i = EndOf(i))
            topics++;
        writer.Count(topics);
        for (var i = 0; i < items.Count;)
        {
            var end = EndOf(i);
            if (writeTopic is null)
                writer.String(topicOf(items[i]));
            else
                writeTopic(items[i]);
            writer.Count(end - i);
            for (; i < end; i++)
            {
                write(i, items[i]);
                writer.Tags();
            }
            writer.Tags();
        }

        int EndOf(int first)
        {
            var end = first + 1;
            while (end < items.Count && topicOf(items[end]) == topicOf(items[first]))
                end++;
            return end;
        }
    }
}
