using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>Consumer groups: their settings as they are put, and the group as it stands.</summary>
public static class GroupJson
{
    private const int MaxBackoffSteps = 100;
    private const int MaxMembers = 100_000;

    /// <summary>An absent field keeps its value, null restores the default.</summary>
    public static GroupChange ReadChange(JsonSpot spot)
    {
        var change = new GroupChange();
        foreach (var field in spot.Fields())
        {
            change = field.Name switch
            {
                "style" => change with { Style = field.Change(f => f.Word(Words.GroupStyle)) },
                "byKey" => change with { ByKey = field.Change(f => f.Flag()) },
                "maxActive" => change with { MaxActive = field.Change<int?>(f => f.Int32(1)) },
                "from" => change with { From = field.Change(f => f.Start()) },
                "maxDeliveries" => change with { MaxDeliveries = field.Change(f => f.Int32(1)) },
                "backoffMs" => change with { Backoff = field.Change(f => f.Items(MaxBackoffSteps, each => each.Milliseconds())) },
                "leaseMs" => change with { Lease = field.Change(f => f.Milliseconds(1)) },
                "maxInFlight" => change with { MaxInFlight = field.Change(f => f.Int32(1)) },
                "ratePerSecond" => change with { RatePerSecond = field.Change<double?>(f => f.Rate()) },
                "maxMessages" => change with { MaxMessages = field.Change<long?>(f => f.Int64(1)) },
                "maxBytes" => change with { MaxBytes = field.Change<long?>(f => f.Int64(1)) },
                "paused" => change with { Paused = field.Change(f => f.Flag()) },
                "whenExpired" => change with { WhenExpired = field.Change(f => f.Word(Words.WhenExpired)) },
                "holdKeyBehindDeadLetter" => change with { HoldKeyBehindDeadLetter = field.Change(f => f.Flag()) },
                "priority" => change with { Priority = field.Change(f => f.Flag()) },
                "fairBy" => change with { FairBy = field.Change<FairBy?>(ReadFairBy) },
                "filter" => change with { Filter = field.Change<string?>(FilterJson.Read) },
                "sessionIdleMs" => change with { SessionIdle = field.Change<TimeSpan?>(f => f.Milliseconds(1)) },
                "deleteAfterIdleMs" => change with { DeleteAfterIdle = field.Change<TimeSpan?>(f => f.Milliseconds(1)) },
                _ => field.Unknown(change),
            };
        }
        return change;
    }

    public static void WriteChange(Utf8JsonWriter writer, GroupChange change)
    {
        writer.WriteStartObject();
        writer.WriteChange("style", change.Style, (w, value) => w.WriteStringValue(Words.GroupStyle.Write(value)));
        writer.WriteChange("byKey", change.ByKey, (w, value) => w.WriteBooleanValue(value));
        writer.WriteChange("maxActive", change.MaxActive, (w, value) => w.WriteNumberValue(value!.Value));
        writer.WriteChange("from", change.From, (w, value) => w.WriteStart(value));
        writer.WriteChange("maxDeliveries", change.MaxDeliveries, (w, value) => w.WriteNumberValue(value));
        writer.WriteChange("backoffMs", change.Backoff, WriteBackoff);
        writer.WriteChange("leaseMs", change.Lease, (w, value) => w.WriteNumberValue(Durations.Milliseconds(value)));
        writer.WriteChange("maxInFlight", change.MaxInFlight, (w, value) => w.WriteNumberValue(value));
        writer.WriteChange("ratePerSecond", change.RatePerSecond, (w, value) => w.WriteNumberValue(value!.Value));
        writer.WriteChange("maxMessages", change.MaxMessages, (w, value) => w.WriteNumberValue(value!.Value));
        writer.WriteChange("maxBytes", change.MaxBytes, (w, value) => w.WriteNumberValue(value!.Value));
        writer.WriteChange("paused", change.Paused, (w, value) => w.WriteBooleanValue(value));
        writer.WriteChange("whenExpired", change.WhenExpired, (w, value) => w.WriteStringValue(Words.WhenExpired.Write(value)));
        writer.WriteChange("holdKeyBehindDeadLetter", change.HoldKeyBehindDeadLetter, (w, value) => w.WriteBooleanValue(value));
        writer.WriteChange("priority", change.Priority, (w, value) => w.WriteBooleanValue(value));
        writer.WriteChange("fairBy", change.FairBy, (w, value) => w.WriteStringValue(value!.ToString()));
        writer.WriteChange("sessionIdleMs", change.SessionIdle, (w, value) => w.WriteNumberValue(Durations.Milliseconds(value!.Value)));
        writer.WriteChange("deleteAfterIdleMs", change.DeleteAfterIdle, (w, value) => w.WriteNumberValue(Durations.Milliseconds(value!.Value)));
        writer.WriteChange("filter", change.Filter, (w, value) => w.WriteStringValue(value));
        writer.WriteEndObject();
    }

    /// <summary><c>{"name","id","declared","generation","settings":{…},"partitions":[…],"members":[…]}</c></summary>
    public static void Write(Utf8JsonWriter writer, GroupDescription group)
    {
        writer.WriteStartObject();
        writer.WriteString("name", group.Name.Text);
        writer.WriteString("id", group.Id);
        writer.WriteBoolean("declared", group.Declared);
        writer.WriteNumber("generation", group.Generation);
        writer.WritePropertyName("settings");
        WriteChange(writer, WholeOf(group.Settings));
        writer.WriteList("partitions", group.Partitions, WritePartition);
        writer.WriteList("members", group.Members, WriteMember);
        writer.WriteEndObject();
    }

    /// <param name="created">Which the status says, not the document.</param>
    public static GroupDescription Read(JsonSpot spot, bool created = false)
    {
        string? name = null;
        var id = Guid.Empty;
        GroupSettings? settings = null;
        var declared = false;
        var generation = 0;
        IReadOnlyList<GroupPartition> partitions = [];
        IReadOnlyList<GroupMember> members = [];
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "name": name = field.Text(); break;
                case "id": id = field.Id(); break;
                case "declared": declared = field.Flag(); break;
                case "generation": generation = field.Int32(); break;
                case "settings": settings = ReadChange(field).Over(null); break;
                case "partitions": partitions = field.Items(TopicSettings.MaxPartitions, ReadPartition); break;
                case "members": members = field.Items(MaxMembers, ReadMember); break;
                default: field.Unknown(); break;
            }
        }
        return new GroupDescription
        {
            Name = name ?? throw spot.Missing("name"),
            Id = id,
            Settings = settings ?? throw spot.Missing("settings"),
            Declared = declared,
            Generation = generation,
            Partitions = partitions,
            Members = members,
            Created = created,
        };
    }

    private static void WriteBackoff(Utf8JsonWriter writer, IReadOnlyList<TimeSpan> steps)
    {
        writer.WriteStartArray();
        foreach (var step in steps)
            writer.WriteNumberValue(Durations.Milliseconds(step));
        writer.WriteEndArray();
    }

    private static GroupChange WholeOf(GroupSettings settings) => new()
    {
        Style = settings.Style,
        ByKey = settings.ByKey,
        MaxActive = settings.MaxActive,
        From = settings.From,
        MaxDeliveries = settings.MaxDeliveries,
        Backoff = Change<IReadOnlyList<TimeSpan>>.To(settings.Backoff),
        Lease = settings.Lease,
        MaxInFlight = settings.MaxInFlight,
        RatePerSecond = settings.RatePerSecond,
        MaxMessages = settings.MaxMessages,
        MaxBytes = settings.MaxBytes,
        Paused = settings.Paused,
        WhenExpired = settings.WhenExpired,
        HoldKeyBehindDeadLetter = settings.HoldKeyBehindDeadLetter,
        Priority = settings.Priority,
        FairBy = settings.FairBy,
        SessionIdle = settings.SessionIdle,
        DeleteAfterIdle = settings.DeleteAfterIdle,
        Filter = settings.Filter,
    };

    private static FairBy ReadFairBy(JsonSpot field) =>
        FairBy.TryParse(field.Text(), out var value, out var fault) ? value! : throw new MqException(ErrorCodes.Malformed, $"{field.Path}: {fault}");

    private static void WritePartition(Utf8JsonWriter writer, GroupPartition partition)
    {
        writer.WriteStartObject();
        writer.WriteNumber("partition", partition.Partition);
        writer.WriteNumber("cursor", partition.Cursor);
        writer.WriteNumber("lag", partition.Lag);
        writer.WriteNumber("inFlight", partition.InFlight);
        if (partition.OldestUnsettled is { } age)
            writer.WriteMs("oldestUnsettledMs", age);
        else
            writer.WriteNull("oldestUnsettledMs");
        writer.WriteNumber("deadLetters", partition.DeadLetters);
        writer.WriteNumber("dropped", partition.Dropped);
        writer.WriteNumber("filtered", partition.Filtered);
        ErrorJson.WriteUnlessNull(writer, partition.Error);
        writer.WriteEndObject();
    }

    private static GroupPartition ReadPartition(JsonSpot spot)
    {
        var partition = new GroupPartition(0, 0, 0, 0, null, 0, 0);
        foreach (var field in spot.Fields())
        {
            partition = field.Name switch
            {
                "partition" => partition with { Partition = field.Int32(0) },
                "cursor" => partition with { Cursor = field.Int64() },
                "lag" => partition with { Lag = field.Int64() },
                "inFlight" => partition with { InFlight = field.Int32() },
                "oldestUnsettledMs" => partition with { OldestUnsettled = field.OrNull(f => f.Milliseconds(long.MinValue / TimeSpan.TicksPerMillisecond)) },
                "deadLetters" => partition with { DeadLetters = field.Int64() },
                "filtered" => partition with { Filtered = field.Int64() },
                "dropped" => partition with { Dropped = field.Int64() },
                "error" => partition with { Error = field.IsNull ? null : ErrorJson.Read(field) },
                _ => field.Unknown(partition),
            };
        }
        return partition;
    }

    private static void WriteMember(Utf8JsonWriter writer, GroupMember member)
    {
        writer.WriteStartObject();
        writer.WriteString("member", member.Member);
        writer.WriteList("partitions", member.Partitions, (w, partition) => w.WriteNumberValue(partition));
        writer.WriteBoolean("active", member.Active);
        writer.WriteEndObject();
    }

    private static GroupMember ReadMember(JsonSpot spot)
    {
        var member = new GroupMember("", [], false);
        foreach (var field in spot.Fields())
        {
            member = field.Name switch
            {
                "member" => member with { Member = field.Text() },
                "partitions" => member with { Partitions = field.Items(TopicSettings.MaxPartitions, f => f.Int32(0)) },
                "active" => member with { Active = field.Flag() },
                _ => field.Unknown(member),
            };
        }
        return member;
    }
}
