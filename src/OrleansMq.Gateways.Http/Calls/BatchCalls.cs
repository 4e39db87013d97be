using System.Globalization;
using OrleansMq.Json;
using OrleansMq.Records;

namespace OrleansMq.Gateways.Http;

/// <summary>Record batches as octets, in and out as stored; and a read of many partitions at once.</summary>
internal static class BatchCalls
{
    /// <summary>Records that are answered one by one; a larger request has to ask for the brief answer. A result takes about 60 bytes.</summary>
    private const int MaxResults = 100_000;

    private const int DefaultReadBytes = 1 << 20;

    public static IEnumerable<HttpRoute> Routes =>
    [
        new("POST", "/v1/topics/{topic}/partitions/{partition}/batches", "appendBatches", "Append record batches (v2), one after the other.", Append)
        {
            Body = BodyKind.Octets, Changes = true, AnswerSchema = "AppendResults",
            Query =
            [
                Parameters.Acks, Parameters.PublishWait, Parameters.Client,
                Parameters.ProducerId, Parameters.ProducerEpoch, Parameters.Sequence, Parameters.TransactionOfBatches, Parameters.Brief, Parameters.ChosenBy,
            ],
        },
        new("GET", "/v1/topics/{topic}/partitions/{partition}/batches", "readBatches",
            "Record batches as stored; the first may begin before `from`. Headers: `mq-start`, `mq-end`, `mq-stable`, `mq-next`, `mq-aborted` (producer:offset, …).", Read)
        {
            Query = [Parameters.From, Parameters.MaxBytes, Parameters.MinBytes, Parameters.ReadWait, Parameters.Isolation, Parameters.Filter],
            AnswerType = "application/octet-stream",
        },
        new("POST", "/v1/read", "read",
            "Read many partitions in one call. The answer: length (int32, big endian) of a JSON document, the document, the batches of each partition in its order.", ReadMany)
        {
            Body = BodyKind.Json, RequestSchema = "ReadRequest", AnswerType = ReadForm.ContentType,
        },
    ];

    private static async ValueTask Append(HttpCall call)
    {
        var request = new AppendRequest
        {
            Topic = call.Topic, Partition = call.Partition, Batch = default, Acks = call.Acks, Client = call.Client, Producer = ProducerOf(call), TransactionalId = call.Query("transaction"),
            Partitions = call.Int32("partitions", 1, TopicSettings.MaxPartitions),
        };
        if (call.Milliseconds("waitMs", QueueJson.MaxWaitMs) is { } wait)
            request = request with { Wait = wait };
        var batches = IncomingBatches.Split(call.Body);
        if (call.Flag("brief"))
            await AppendBriefly(call, request, batches);
        else
            await AppendAll(call, request, batches);
    }

    private static async ValueTask AppendBriefly(HttpCall call, AppendRequest request, IReadOnlyList<IncomingBatch> batches)
    {
        if (batches.Count > 1)
            throw new MqException(ErrorCodes.Malformed, $"A brief answer is for one record batch; these are {batches.Count}.");
        var appended = await AppendOne(call, request, batches[0]);
        call.Messages = batches[0].Batch.Count;
        await call.Answer(writer => PublishJson.WriteAppended(writer, request.Partition, appended));
    }

    private static async ValueTask AppendAll(HttpCall call, AppendRequest request, IReadOnlyList<IncomingBatch> batches)
    {
        if (batches.Sum(batch => (long)batch.Batch.Count) > MaxResults)
            throw new MqException(ErrorCodes.BatchTooLarge, $"More than {MaxResults} records are appended only with brief=true, a batch at a time.");
        var results = new List<PublishResult>();
        MqError? refusal = null;
        foreach (var batch in batches)
        {
            try
            {
                // What follows a refused batch is not tried: the order is the producer's.
                if (refusal is null)
                    Add(results, request.Partition, batch.Batch, await AppendOne(call, request, batch));
            }
            catch (MqException e) when (results.Count > 0)
            {
                refusal = e.Error;
            }
            if (refusal is not null)
                results.AddRange(Enumerable.Repeat(new PublishResult(default, false, refusal), batch.Batch.Count));
            request = request with { Producer = Next(request.Producer, batch.Batch.Count) };
        }
        await MessageCalls.AnswerResults(call, results);
    }

    private static ValueTask<AppendResult> AppendOne(HttpCall call, AppendRequest request, IncomingBatch batch) =>
        call.Broker.Append(request with { Batch = batch.Batch.Memory, Rich = batch.Rich }, call.Cancel);

    private static void Add(List<PublishResult> results, int partition, RecordBatch batch, AppendResult appended)
    {
        if (appended.Records is { } records)
            results.AddRange(records.Select(record => PublishJson.ResultOf(partition, record)));
        else
            for (var i = 0; i < batch.Count; i++)
                results.Add(new PublishResult(new Position(partition, appended.BaseOffset < 0 ? -1 : appended.BaseOffset + i), appended.Duplicate, null));
    }

    private static ProducerSequence? ProducerOf(HttpCall call)
    {
        var id = call.Int64("producerId", 0);
        var epoch = call.Int32("producerEpoch", 0, short.MaxValue);
        var sequence = call.Int32("sequence", 0);
        if (id is null && epoch is null && sequence is null)
            return null;
        return new ProducerSequence(
            id ?? throw HttpCall.Absent("producerId"), (short)(epoch ?? throw HttpCall.Absent("producerEpoch")), sequence ?? throw HttpCall.Absent("sequence"));
    }

    // Sequences run on modulo 2^31, as Kafka's do.
    private static ProducerSequence? Next(ProducerSequence? producer, int count) =>
        producer is { } place ? place with { Sequence = (int)(((long)place.Sequence + count) & int.MaxValue) } : null;

    private static async ValueTask Read(HttpCall call)
    {
        var (topic, partition) = (call.Topic, call.Partition);
        var start = call.Start("from") ?? StartAt.Earliest;
        var maxBytes = call.Int32("maxBytes", 0, ReadForm.MaxBytes) ?? DefaultReadBytes;
        var request = new ReadRequest
        {
            Partitions = [],
            MaxBytes = maxBytes,
            MinBytes = call.Int32("minBytes", 0, ReadForm.MaxBytes) ?? 1,
            Wait = call.Milliseconds("waitMs", QueueJson.MaxWaitMs) ?? TimeSpan.Zero,
            Isolation = call.Word("isolation", Words.Isolation) ?? Isolation.Uncommitted,
            Filter = call.Query("filter"),
        };
        var from = start.Kind == StartKind.Offset ? start.Value : await call.Broker.FindOffset(topic, partition, start, call.Cancel);
        using var waiting = call.Waiting();
        using var result = await call.Broker.Read(request with { Partitions = [new PartitionCursor(topic, partition, from, maxBytes)] }, waiting.Token);
        var read = result.Partitions[0];
        if (read.Error is { } error)
            throw new MqException(error);
        SetHeaders(call, read, from);
        await call.AnswerOctets(read.Batches);
    }

    private static void SetHeaders(HttpCall call, PartitionRead read, long from)
    {
        var next = from;
        foreach (var batch in new RecordBatchReader(read.Batches))
            (next, call.Messages) = (batch.LastOffset + 1, call.Messages + batch.Count);
        call.SetHeader("mq-start", read.Start);
        call.SetHeader("mq-end", read.End);
        call.SetHeader("mq-stable", read.LastStableOffset);
        call.SetHeader("mq-next", next);
        if (read.Aborted.Count > 0)
            call.SetHeader("mq-aborted", string.Join(", ", read.Aborted.Select(each => string.Create(CultureInfo.InvariantCulture, $"{each.ProducerId}:{each.FirstOffset}"))));
    }

    private static async ValueTask ReadMany(HttpCall call)
    {
        var request = call.Read(ReadForm.ReadRequest);
        using var waiting = call.Waiting();
        using var result = await call.Broker.Read(request, waiting.Token);
        foreach (var read in result.Partitions)
            foreach (var batch in new RecordBatchReader(read.Batches))
                call.Messages += batch.Count;
        ReadOnlyMemory<byte>[] answer = [ReadForm.WriteHead(result), .. result.Partitions.Select(read => read.Batches).Where(batches => !batches.IsEmpty)];
        await call.Answer(200, ReadForm.ContentType, answer);
    }
}
