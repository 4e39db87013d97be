using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>Transactions over several partitions: opening an id, what becomes part of its transaction, how it ends, how it stands.</summary>
public static class TransactionJson
{
    public const int MaxItems = 10_000;

    public static readonly WordList<TransactionPhase> Phases = new(
        ("empty", TransactionPhase.Empty), ("ongoing", TransactionPhase.Ongoing), ("committing", TransactionPhase.Committing), ("aborting", TransactionPhase.Aborting));

    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(1);

    /// <summary><c>{"timeoutMs":60000,"known":{"id","epoch"}}</c></summary>
    public static void WriteOpen(Utf8JsonWriter writer, TimeSpan timeout, ProducerIdentity? known)
    {
        writer.WriteStartObject();
        writer.WriteMs("timeoutMs", timeout);
        if (known is { } said)
            Write(writer, "known", said);
        writer.WriteEndObject();
    }

    public static (TimeSpan Timeout, ProducerIdentity? Known) ReadOpen(JsonSpot spot)
    {
        var (timeout, known) = (DefaultTimeout, (ProducerIdentity?)null);
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "timeoutMs": timeout = field.Milliseconds(1); break;
                case "known": known = field.OrNull(ClusterJson.ReadProducer); break;
                default: field.Unknown(); break;
            }
        }
        return (timeout, known);
    }

    /// <summary><c>{"producer":{…},"partitions":[{"topic","partition"}]}</c></summary>
    public static void WriteAddPartitions(Utf8JsonWriter writer, ProducerIdentity producer, IReadOnlyList<TransactionPartition> partitions)
    {
        writer.WriteStartObject();
        Write(writer, "producer", producer);
        writer.WriteList("partitions", partitions, Write);
        writer.WriteEndObject();
    }

    public static (ProducerIdentity Producer, IReadOnlyList<TransactionPartition> Partitions) ReadAddPartitions(JsonSpot spot)
    {
        ProducerIdentity? producer = null;
        IReadOnlyList<TransactionPartition>? partitions = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "producer": producer = ClusterJson.ReadProducer(field); break;
                case "partitions": partitions = field.Items(MaxItems, ReadPartition); break;
                default: field.Unknown(); break;
            }
        }
        return (producer ?? throw spot.Missing("producer"), partitions ?? throw spot.Missing("partitions"));
    }

    /// <summary><c>{"results":[{},{"error":{…}}]}</c>, in the order asked.</summary>
    public static void WriteResults(Utf8JsonWriter writer, IReadOnlyList<MqError?> errors)
    {
        writer.WriteStartObject();
        writer.WriteList("results", errors, (w, error) =>
        {
            w.WriteStartObject();
            ErrorJson.WriteUnlessNull(w, error);
            w.WriteEndObject();
        });
        writer.WriteEndObject();
    }

    public static IReadOnlyList<MqError?> ReadResults(JsonSpot spot)
    {
        IReadOnlyList<MqError?>? results = null;
        foreach (var field in spot.Fields())
        {
            if (field.Name == "results")
                results = field.Items(int.MaxValue, ReadResult);
            else
                field.Unknown();
        }
        return results ?? throw spot.Missing("results");
    }

    /// <summary><c>{"producer":{…},"group","offsets":[{"topic","partition","offset","note"}],"member","generation","instance"}</c></summary>
    public static void WriteAddOffsets(Utf8JsonWriter writer, ProducerIdentity producer, GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets)
    {
        writer.WriteStartObject();
        Write(writer, "producer", producer);
        writer.WriteString("group", group.Text);
        writer.WriteList("offsets", offsets, Write);
        if (member is not null)
        {
            writer.WriteString("member", member.Member);
            writer.WriteNumber("generation", member.Generation);
            writer.WriteTextUnlessNull("instance", member.Instance);
        }
        writer.WriteEndObject();
    }

    public static (ProducerIdentity Producer, GroupName Group, MemberRef? Member, IReadOnlyList<GroupOffset> Offsets) ReadAddOffsets(JsonSpot spot)
    {
        ProducerIdentity? producer = null;
        GroupName? group = null;
        IReadOnlyList<GroupOffset>? offsets = null;
        string? member = null, instance = null;
        int? generation = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "producer": producer = ClusterJson.ReadProducer(field); break;
                case "group": group = new GroupName(field.Text()); break;
                case "offsets": offsets = field.Items(MaxItems, ReadOffset); break;
                case "member": member = field.IsNull ? null : field.Text(QueueJson.MaxNameChars); break;
                case "instance": instance = field.IsNull ? null : field.Text(QueueJson.MaxNameChars); break;
                case "generation": generation = field.OrNull(f => f.Int32()); break;
                default: field.Unknown(); break;
            }
        }
        if (member is not null && generation is null)
            throw spot.Missing("generation");
        if (member is null && (generation is not null || instance is not null))
            throw spot.Missing("member");
        return (
            producer ?? throw spot.Missing("producer"), group ?? throw spot.Missing("group"), member is null ? null : new MemberRef(member, generation!.Value, instance),
            offsets ?? throw spot.Missing("offsets"));
    }

    /// <summary><c>{"producer":{…},"newEpoch":true}</c></summary>
    public static void WriteEnd(Utf8JsonWriter writer, ProducerIdentity producer, bool newEpoch)
    {
        writer.WriteStartObject();
        Write(writer, "producer", producer);
        writer.WriteBoolean("newEpoch", newEpoch);
        writer.WriteEndObject();
    }

    public static (ProducerIdentity Producer, bool NewEpoch) ReadEnd(JsonSpot spot)
    {
        var (producer, newEpoch) = ((ProducerIdentity?)null, true);
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "producer": producer = ClusterJson.ReadProducer(field); break;
                case "newEpoch": newEpoch = field.Flag(); break;
                default: field.Unknown(); break;
            }
        }
        return (producer ?? throw spot.Missing("producer"), newEpoch);
    }

    /// <summary><c>{"partitions":[{"topic","partition"}]}</c></summary>
    public static void WritePending(Utf8JsonWriter writer, IReadOnlyList<TransactionPartition> partitions)
    {
        writer.WriteStartObject();
        writer.WriteList("partitions", partitions, Write);
        writer.WriteEndObject();
    }

    public static IReadOnlyList<TransactionPartition> ReadPending(JsonSpot spot)
    {
        IReadOnlyList<TransactionPartition>? partitions = null;
        foreach (var field in spot.Fields())
        {
            if (field.Name == "partitions")
                partitions = field.Items(int.MaxValue, ReadPartition);
            else
                field.Unknown();
        }
        return partitions ?? throw spot.Missing("partitions");
    }

    /// <summary><c>{"id","phase","producer":{…},"lastUsed","since","until","partitions":[…],"groups":[…]}</c></summary>
    public static void Write(Utf8JsonWriter writer, TransactionDescription transaction)
    {
        writer.WriteStartObject();
        writer.WriteString("id", transaction.Id);
        writer.WriteString("phase", Phases.Write(transaction.Phase));
        Write(writer, "producer", transaction.Producer);
        writer.WriteTime("lastUsed", transaction.LastUsed);
        if (transaction.Since is { } since)
            writer.WriteTime("since", since);
        if (transaction.Until is { } until)
            writer.WriteTime("until", until);
        writer.WriteList("partitions", transaction.Partitions, Write);
        writer.WriteList("groups", transaction.Groups, (w, group) => w.WriteStringValue(group.Text));
        writer.WriteEndObject();
    }

    public static TransactionDescription Read(JsonSpot spot)
    {
        string? id = null;
        var phase = TransactionPhase.Empty;
        ProducerIdentity? producer = null;
        DateTimeOffset? lastUsed = null, since = null, until = null;
        IReadOnlyList<TransactionPartition> partitions = [];
        IReadOnlyList<GroupName> groups = [];
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "id": id = field.Text(); break;
                case "phase": phase = field.Word(Phases); break;
                case "producer": producer = ClusterJson.ReadProducer(field); break;
                case "lastUsed": lastUsed = field.Time(); break;
                case "since": since = field.OrNull(f => f.Time()); break;
                case "until": until = field.OrNull(f => f.Time()); break;
                case "partitions": partitions = field.Items(int.MaxValue, ReadPartition); break;
                case "groups": groups = field.Items(int.MaxValue, f => new GroupName(f.Text())); break;
                default: field.Unknown(); break;
            }
        }
        return new TransactionDescription(
            id ?? throw spot.Missing("id"), phase, producer ?? throw spot.Missing("producer"), lastUsed ?? throw spot.Missing("lastUsed"), since, until, partitions, groups);
    }

    /// <summary><c>{"transactions":[…],"next":"…"}</c></summary>
    public static void WritePage(Utf8JsonWriter writer, Page<TransactionDescription> page)
    {
        writer.WriteStartObject();
        writer.WriteList("transactions", page.Items, Write);
        writer.WriteString("next", page.Next);
        writer.WriteEndObject();
    }

    public static Page<TransactionDescription> ReadPage(JsonSpot spot)
    {
        var page = new Page<TransactionDescription>([], null);
        foreach (var field in spot.Fields())
        {
            page = field.Name switch
            {
                "transactions" => page with { Items = field.Items(int.MaxValue, Read) },
                "next" => page with { Next = field.IsNull ? null : field.Text() },
                _ => field.Unknown(page),
            };
        }
        return page;
    }

    private static void Write(Utf8JsonWriter writer, string name, ProducerIdentity producer)
    {
        writer.WritePropertyName(name);
        ClusterJson.WriteProducer(writer, producer);
    }

    private static void Write(Utf8JsonWriter writer, TransactionPartition partition)
    {
        writer.WriteStartObject();
        writer.WriteString("topic", partition.Topic.Text);
        writer.WriteNumber("partition", partition.Partition);
        writer.WriteEndObject();
    }

    private static TransactionPartition ReadPartition(JsonSpot spot)
    {
        string? topic = null;
        int? partition = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "topic": topic = field.Text(); break;
                case "partition": partition = field.Int32(0); break;
                default: field.Unknown(); break;
            }
        }
        return new TransactionPartition(new TopicName(topic ?? throw spot.Missing("topic")), partition ?? throw spot.Missing("partition"));
    }

    private static void Write(Utf8JsonWriter writer, GroupOffset offset)
    {
        writer.WriteStartObject();
        writer.WriteString("topic", offset.Topic.Text);
        writer.WriteNumber("partition", offset.Partition);
        writer.WriteNumber("offset", offset.Offset);
        if (offset.Note.Length > 0)
            writer.WriteString("note", offset.Note);
        writer.WriteEndObject();
    }

    private static GroupOffset ReadOffset(JsonSpot spot)
    {
        string? topic = null, note = null;
        int? partition = null;
        long? offset = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "topic": topic = field.Text(); break;
                case "partition": partition = field.Int32(0); break;
                case "offset": offset = field.Int64(0); break;
                case "note": note = field.IsNull ? null : field.Text(MaxNoteChars); break;
                default: field.Unknown(); break;
            }
        }
        return new GroupOffset(new TopicName(topic ?? throw spot.Missing("topic")), partition ?? throw spot.Missing("partition"), offset ?? throw spot.Missing("offset"), note ?? "");
    }

    private static MqError? ReadResult(JsonSpot spot)
    {
        MqError? error = null;
        foreach (var field in spot.Fields())
        {
            if (field.Name == "error")
                error = ErrorJson.Read(field);
            else
                field.Unknown();
        }
        return error;
    }

    private const int MaxNoteChars = 4_096;
}
