using System.Runtime.CompilerServices;

namespace OrleansMq;

/// <summary>Reading without a trace: no group, no cursor, no lease.</summary>
public static class Browsing
{
    private static readonly TimeSpan FollowWait = TimeSpan.FromSeconds(20);

    /// <summary>The messages of a partition from a place on, up to the end that it has when reading begins. Dead letters are browsed as their topic.</summary>
    /// <param name="follow">Goes on behind the end, and waits for what comes.</param>
    /// <param name="filter">Only those for which it holds: <see cref="ReadRequest.Filter"/>.</param>
    /// <exception cref="MqException">The topic or partition is unknown or not served.</exception>
    public static async IAsyncEnumerable<StoredMessage> Browse(
        this IBroker broker, TopicName topic, int partition, StartAt from, bool follow = false, string? filter = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        var offset = await broker.FindOffset(topic, partition, from, cancel);
        long? end = null;
        List<StoredMessage> messages = [];
        while (end is null || offset < end)
        {
            messages.Clear();
            long next;
            using (var result = await broker.Read(new ReadRequest
            {
                Partitions = [new PartitionCursor(topic, partition, offset)],
                MinBytes = follow ? 1 : 0,
                Wait = follow ? FollowWait : TimeSpan.Zero,
                Isolation = Isolation.Committed,
                Filter = filter,
            }, cancel))
            {
                var read = result.Partitions[0];
                if (read.Error is { } error)
                    throw new MqException(error);
                end ??= follow ? long.MaxValue : read.End;
                next = RecordReading.Decode(read, offset, messages);
            }

            foreach (var message in messages)
                if (message.Position.Offset < end)
                    yield return message;
            if (next == offset && !follow)
                yield break;
            offset = next;
        }
    }

    /// <summary>All messages of a topic, or of one partition of it, partition by partition. Meant for tests and small topics.</summary>
    public static async Task<List<StoredMessage>> ReadAll(this IBroker broker, TopicName topic, int? partition = null, CancellationToken cancel = default)
    {
        var partitions = partition is { } one ? [one] : Enumerable.Range(0, (await broker.DescribeTopic(topic, cancel)).Partitions.Count);
        List<StoredMessage> all = [];
        foreach (var each in partitions)
            await foreach (var message in broker.Browse(topic, each, StartAt.Earliest, cancel: cancel))
                all.Add(message);
        return all;
    }
}
