using System.Runtime.CompilerServices;
using OrleansMq.Records;

namespace OrleansMq.Cli.Commands;

internal static class Browsing
{
    public static async IAsyncEnumerable<StoredMessage> Browse(this IBroker broker, TopicName topic, int partition, long from, long end, [EnumeratorCancellation] CancellationToken cancel)
    {
        while (from < end)
        {
            using var read = await broker.Read(new ReadRequest { Partitions = [new(topic, partition, from)], MinBytes = 0 }, cancel);
            var part = read.Partitions[0];
            if (part.Error is { } error)
                throw new MqException(error);
            var before = from;
            var batches = new RecordBatchReader(part.Batches);
            while (batches.MoveNext())
            {
                var records = batches.Current.Records().GetEnumerator();
                while (records.MoveNext())
                {
                    if (records.Current.Offset < from || records.Current.Offset >= end)
                        continue;
                    yield return MessageCodec.Decode(partition, records.Current);
                }
                from = Math.Max(from, batches.Current.LastOffset + 1);
            }
            if (from == before)
                yield break;
        }
    }
}
