using System.Text;
using OrleansMq.Records;

namespace OrleansMq.Cli.Tests;

/// <summary>What a broker serves from a folder.</summary>
internal sealed record ServedMessages(IReadOnlyDictionary<long, string> Read, IReadOnlyCollection<long> Delivered, long NextOffset)
{
    public static async Task<ServedMessages> From(string path)
    {
        await using var broker = await LeftFolder.Start(path);
        var read = new Dictionary<long, string>();
        for (var next = 0L; ;)
        {
            using var result = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor("t", 0, next)], MinBytes = 0 });
            Assert.Null(result.Partitions[0].Error);
            var before = next;
            foreach (var batch in new RecordBatchReader(result.Partitions[0].Batches))
                foreach (var record in batch.Records())
                    if (record.Offset >= next)
                        (read[record.Offset], next) = (Encoding.UTF8.GetString(record.Value.Span), record.Offset + 1);
            if (next == before)
                break;
        }

        var delivered = new List<long>();
        if ((await broker.ListGroups("t")).Items.Count > 0)
            for (IReadOnlyList<Delivery> given; (given = await broker.Receive("t", "the-group", new ReceiveRequest { Max = 50, Consumer = "w" })).Count > 0;)
            {
                delivered.AddRange(given.Select(each => each.Position.Offset));
                await broker.Settle("t", "the-group", Settlement.Acknowledge([.. given.Select(each => each.Lease)]));
            }

        return new ServedMessages(read, delivered, (await broker.Publish("t", [Message.OfText("new")]))[0].OrThrow().Offset);
    }
}
