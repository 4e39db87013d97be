using System.Text;
using OrleansMq.Records;

namespace OrleansMq;

/// <summary>Which messages wait for each other. A lane is relayed by one worker at a time, in the order of its ids.</summary>
internal static class OutboxLanes
{
    /// <summary>How many there are; the script makes a row for each. Never changed: rows that wait have their lane already.</summary>
    public const int Count = 32;

    public static int Of(OutboxOrder order, TopicName topic, ReadOnlyMemory<byte>? key)
    {
        var name = Encoding.UTF8.GetBytes(topic.Text);
        return order == OutboxOrder.Key && key is { } bytes
            ? Murmur2.PartitionFor([.. name, 0, .. bytes.Span], Count)
            : Murmur2.PartitionFor(name, Count);
    }
}
