using System.Buffers;
using System.Text.Json;
using OrleansMq.Json;
using OrleansMq.Records;

namespace OrleansMq.Gateways.Http;

/// <summary>Sending messages as JSON, browsing, deleting up to an offset.</summary>
internal static class MessageCalls
{
    private const int DefaultBrowse = 100;
    private const int ReadBytes = 1 << 20;

    public static IEnumerable<HttpRoute> Routes =>
    [
        new("POST", "/v1/topics/{topic}/messages", "publish", "Send one message or an array of them.", Publish)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "Messages", AnswerSchema = "PublishResults",
            Query = [Parameters.Acks, Parameters.PublishWait, Parameters.Client, .. Parameters.InTransaction],
        },
        new("GET", "/v1/topics/{topic}/partitions/{partition}/messages", "browse", "Look at messages; changes nothing.", Browse)
        {
            Query = [Parameters.From, Parameters.BrowseMax, Parameters.Filter], AnswerSchema = "Browsed",
        },
        new("DELETE", "/v1/topics/{topic}/partitions/{partition}/messages", "deleteMessages", "Delete the messages below an offset.", DeleteBefore)
        {
            Changes = true, Query = [Parameters.Before], AnswerSchema = "PartitionStart",
        },
        new("GET", "/v1/topics/{topic}/partitions/{partition}/offset", "findOffset", "The offset at which reading from somewhere begins.", FindOffset)
        {
            Query = [Parameters.At], AnswerSchema = "Offset",
        },
    ];

    /// <summary>Where every message was refused for the same reason, so is the request: with that reason's status, and the results beside it.</summary>
    internal static async ValueTask AnswerResults(HttpCall call, IReadOnlyList<PublishResult> results)
    {
        call.Messages = results.Count(result => result.Error is null);
        if (results.Count > 0 && results[0].Error is { } first && results.All(result => result.Error?.Code == first.Code))
            await Problem.Answer(call, first, writer => PublishJson.WriteResultsField(writer, results));
        else
            await call.Answer(writer => PublishJson.WriteResults(writer, results));
    }

    internal static PublishOptions OptionsOf(HttpCall call)
    {
        var options = new PublishOptions { Acks = call.Acks, Client = call.Client, Transaction = TransactionCalls.Of(call) };
        return call.Milliseconds("waitMs", QueueJson.MaxWaitMs) is { } wait ? options with { Wait = wait } : options;
    }

    private static async ValueTask Publish(HttpCall call)
    {
        var topic = call.Topic;
        var options = OptionsOf(call);
        var messages = call.Read(MessageJson.ReadMany);
        var results = messages.Count == 0 ? [] : await call.Broker.Publish(topic, messages, options, call.Cancel);
        await AnswerResults(call, results);
    }

    private static async ValueTask Browse(HttpCall call)
    {
        var (topic, partition) = (call.Topic, call.Partition);
        var max = call.Int32("max", 1, QueueJson.MaxMessages) ?? DefaultBrowse;
        var next = await call.Broker.FindOffset(topic, partition, call.Start("from") ?? StartAt.Earliest, call.Cancel);
        var answer = new ArrayBufferWriter<byte>(4096);
        long end = 0;
        using (var writer = JsonForm.WriterTo(answer))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("messages");
            long asked, bytes = 0;
            do
            {
                asked = next;
                using var read = await ReadSome(call, topic, partition, next);
                (end, bytes) = (read.Partitions[0].End, bytes + read.Partitions[0].Batches.Length);
                next = WriteMessages(call, writer, read.Partitions[0], next, max);
            }
            // With a filter a read looks through more than it brings: one is enough for an answer.
            while (call.Messages < max && next > asked && next < end && bytes < call.Options.MaxBrowseBytes && call.Query("filter") is null);
            writer.WriteEndArray();
            writer.WriteNumber("next", next);
            writer.WriteNumber("end", end);
            writer.WriteEndObject();
        }
        await call.Answer(200, "application/json", answer.WrittenMemory);
    }

    private static async ValueTask<ReadResult> ReadSome(HttpCall call, TopicName topic, int partition, long offset)
    {
        var request = new ReadRequest
        {
            Partitions = [new PartitionCursor(topic, partition, offset, ReadBytes)], MinBytes = 0, MaxBytes = ReadBytes, Isolation = Isolation.Committed,
            Filter = call.Query("filter"),
        };
        var result = await call.Broker.Read(request, call.Cancel);
        if (result.Partitions[0].Error is not { } error)
            return result;
        result.Dispose();
        throw new MqException(error);
    }

    /// <returns>Where to read on.</returns>
    private static long WriteMessages(HttpCall call, Utf8JsonWriter writer, PartitionRead read, long next, int max)
    {
        var committed = new CommittedBatches(read);
        foreach (var batch in new RecordBatchReader(read.Batches))
        {
            if (committed.Holds(batch))
            {
                foreach (var record in Open(batch))
                {
                    if (record.Offset < next)
                        continue;
                    if (call.Messages == max)
                        return next;
                    StoredMessageJson.Write(writer, MessageCodec.Decode(read.Partition, record));
                    next = record.Offset + 1;
                    call.Messages++;
                }
            }
            next = Math.Max(next, batch.LastOffset + 1);
        }
        return next;
    }

    private static RecordEnumerator Open(RecordBatch batch)
    {
        try
        {
            return batch.Records();
        }
        catch (CodecUnavailableException e)
        {
            throw new MqException(ErrorCodes.NotAvailable, $"From offset {batch.BaseOffset}: {e.Message} Its batches can be read as octets.", inner: e);
        }
    }

    private static async ValueTask DeleteBefore(HttpCall call)
    {
        var start = await call.Broker.DeleteBefore(call.Topic, call.Partition, call.Int64("before", 0) ?? throw HttpCall.Absent("before"), call.Cancel);
        await call.Answer(writer => ClusterJson.WriteNumber(writer, "start", start));
    }

    private static async ValueTask FindOffset(HttpCall call)
    {
        var offset = await call.Broker.FindOffset(call.Topic, call.Partition, call.Start("at") ?? throw HttpCall.Absent("at"), call.Cancel);
        await call.Answer(writer => ClusterJson.WriteNumber(writer, "offset", offset));
    }
}
