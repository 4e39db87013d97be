using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>A read of many partitions in one call: the request as JSON, the answer as JSON followed by the batches as octets.</summary>
/// <remarks>
/// <code>
/// answer:  int32 (big endian) length of the JSON | JSON | batches of the first partition | batches of the second | …
/// JSON:    {"partitions":[{"topic","partition","start","end","stable","bytes","aborted":[{"producerId","firstOffset"}],"error"}]}
/// </code>
/// </remarks>
public static class ReadForm
{
    public const string ContentType = "application/vnd.orleansmq.read";
    public const int MaxPartitions = 10_000;

    /// <summary>The most that one answer holds; a first batch that is larger is given all the same.</summary>
    public const int MaxBytes = 64 << 20;

    private const int LengthSize = sizeof(int);

    public static ReadRequest ReadRequest(JsonSpot spot)
    {
        var request = new ReadRequest { Partitions = [] };
        foreach (var field in spot.Fields())
        {
            request = field.Name switch
            {
                "partitions" => request with { Partitions = field.Items(MaxPartitions, ReadCursor) },
                "minBytes" => request with { MinBytes = field.Int32(0, MaxBytes) },
                "maxBytes" => request with { MaxBytes = field.Int32(0, MaxBytes) },
                "waitMs" => request with { Wait = field.Milliseconds(0, QueueJson.MaxWaitMs) },
                "filter" => request with { Filter = field.IsNull ? null : FilterJson.Read(field) },
                "group" => request with { Group = field.IsNull ? new GroupName?() : new GroupName(field.Text()) },
                "isolation" => request with { Isolation = field.Word(Words.Isolation) },
                _ => field.Unknown(request),
            };
        }
        return request.Partitions.Count > 0 ? request : throw spot.Missing("partitions");
    }

    public static void WriteRequest(Utf8JsonWriter writer, ReadRequest request)
    {
        writer.WriteStartObject();
        writer.WriteList("partitions", request.Partitions, (w, cursor) =>
        {
            w.WriteStartObject();
            w.WriteString("topic", cursor.Topic.Text);
            w.WriteNumber("partition", cursor.Partition);
            w.WriteNumber("offset", cursor.Offset);
            w.WriteNumber("maxBytes", Math.Min(cursor.MaxBytes, MaxBytes));
            w.WriteEndObject();
        });
        writer.WriteNumber("minBytes", Math.Min(request.MinBytes, MaxBytes));
        writer.WriteNumber("maxBytes", Math.Min(request.MaxBytes, MaxBytes));
        writer.WriteMs("waitMs", request.Wait);
        writer.WriteString("isolation", Words.Isolation.Write(request.Isolation));
        if (request.Filter is { } filter)
            writer.WriteString("filter", filter);
        if (request.Group is { } group)
            writer.WriteString("group", group.Text);
        writer.WriteEndObject();
    }

    /// <summary>The answer without its batches, which follow in the same order.</summary>
    public static ReadOnlyMemory<byte> WriteHead(ReadResult result)
    {
        var head = new ArrayBufferWriter<byte>();
        head.Write(stackalloc byte[LengthSize]);
        JsonForm.Write(head, writer =>
        {
            writer.WriteStartObject();
            writer.WriteList("partitions", result.Partitions, WritePartition);
            writer.WriteEndObject();
        });
        var bytes = head.WrittenMemory.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(bytes, bytes.Length - LengthSize);
        return bytes;
    }

    /// <param name="answer">Whole. The result's batches point into it.</param>
    public static IReadOnlyList<PartitionRead> ReadAnswer(ReadOnlyMemory<byte> answer)
    {
        if (answer.Length < LengthSize)
            throw CutShort();
        var length = BinaryPrimitives.ReadInt32BigEndian(answer.Span);
        if (length < 0 || length > answer.Length - LengthSize)
            throw CutShort();
        var rest = answer[(LengthSize + length)..];
        var partitions = new List<PartitionRead>();
        foreach (var (partition, bytes) in JsonForm.ReadAnswer(answer.Slice(LengthSize, length), ReadPartitions))
        {
            if (bytes < 0 || bytes > rest.Length)
                throw CutShort();
            partitions.Add(partition with { Batches = rest[..bytes] });
            rest = rest[bytes..];
        }
        return partitions;
    }

    private static MqException CutShort() => new(ErrorCodes.Malformed, "The answer to a read was cut short.");

    private static PartitionCursor ReadCursor(JsonSpot spot)
    {
        string? topic = null;
        int? partition = null;
        long? offset = null;
        var maxBytes = 1 << 20;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "topic": topic = field.Text(); break;
                case "partition": partition = field.Int32(0); break;
                case "offset": offset = field.Int64(0); break;
                case "maxBytes": maxBytes = field.Int32(0, MaxBytes); break;
                default: field.Unknown(); break;
            }
        }
        return new PartitionCursor(
            topic ?? throw spot.Missing("topic"), partition ?? throw spot.Missing("partition"), offset ?? throw spot.Missing("offset"), maxBytes);
    }

    private static void WritePartition(Utf8JsonWriter writer, PartitionRead read)
    {
        writer.WriteStartObject();
        writer.WriteString("topic", read.Topic.Text);
        writer.WriteNumber("partition", read.Partition);
        writer.WriteNumber("start", read.Start);
        writer.WriteNumber("end", read.End);
        writer.WriteNumber("stable", read.LastStableOffset);
        writer.WriteNumber("bytes", read.Batches.Length);
        if (read.Aborted.Count > 0)
        {
            writer.WriteList("aborted", read.Aborted, (w, aborted) =>
            {
                w.WriteStartObject();
                w.WriteNumber("producerId", aborted.ProducerId);
                w.WriteNumber("firstOffset", aborted.FirstOffset);
                w.WriteEndObject();
            });
        }
        ErrorJson.WriteUnlessNull(writer, read.Error);
        writer.WriteEndObject();
    }

    private static IReadOnlyList<(PartitionRead Read, int Bytes)> ReadPartitions(JsonSpot spot)
    {
        IReadOnlyList<(PartitionRead, int)>? partitions = null;
        foreach (var field in spot.Fields())
        {
            if (field.Name == "partitions")
                partitions = field.Items(MaxPartitions, ReadPartition);
            else
                field.Unknown();
        }
        return partitions ?? throw spot.Missing("partitions");
    }

    private static (PartitionRead Read, int Bytes) ReadPartition(JsonSpot spot)
    {
        string? topic = null;
        var (partition, bytes) = (0, 0);
        var (start, end, stable) = (0L, 0L, 0L);
        IReadOnlyList<AbortedTransaction> aborted = [];
        MqError? error = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "topic": topic = field.Text(); break;
                case "partition": partition = field.Int32(); break;
                case "start": start = field.Int64(); break;
                case "end": end = field.Int64(); break;
                case "stable": stable = field.Int64(); break;
                case "bytes": bytes = field.Int32(); break;
                case "aborted": aborted = field.Items(int.MaxValue, ReadAborted); break;
                case "error": error = field.IsNull ? null : ErrorJson.Read(field); break;
                default: field.Unknown(); break;
            }
        }
        var read = new PartitionRead
        {
            Topic = topic ?? throw spot.Missing("topic"),
            Partition = partition,
            Start = start,
            End = end,
            LastStableOffset = stable,
            Aborted = aborted,
            Error = error,
        };
        return (read, bytes);
    }

    private static AbortedTransaction ReadAborted(JsonSpot spot)
    {
        var (producer, first) = (0L, 0L);
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "producerId": producer = field.Int64(); break;
                case "firstOffset": first = field.Int64(); break;
                default: field.Unknown(); break;
            }
        }
        return new AbortedTransaction(producer, first);
    }
}
