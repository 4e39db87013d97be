using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>Log style: membership, commits and seeks.</summary>
public static class LogJson
{
    private const long MaxSessionTimeoutMs = 60L * 60 * 1000;
    private static readonly TimeSpan DefaultSessionTimeout = TimeSpan.FromSeconds(30);

    public static (string Member, TimeSpan SessionTimeout) ReadJoin(JsonSpot spot)
    {
        string? member = null;
        var timeout = DefaultSessionTimeout;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "member": member = ReadMember(field); break;
                case "sessionTimeoutMs": timeout = field.Milliseconds(1, MaxSessionTimeoutMs); break;
                default: field.Unknown(); break;
            }
        }
        return (member ?? throw spot.Missing("member"), timeout);
    }

    public static void WriteJoin(Utf8JsonWriter writer, string member, TimeSpan sessionTimeout)
    {
        writer.WriteStartObject();
        writer.WriteString("member", member);
        writer.WriteMs("sessionTimeoutMs", sessionTimeout);
        writer.WriteEndObject();
    }

    public static void WriteAssignment(Utf8JsonWriter writer, Assignment assignment)
    {
        writer.WriteStartObject();
        writer.WriteNumber("generation", assignment.Generation);
        writer.WriteList("partitions", assignment.Partitions, (w, partition) => w.WriteNumberValue(partition));
        writer.WriteEndObject();
    }

    public static Assignment ReadAssignment(JsonSpot spot)
    {
        int? generation = null;
        IReadOnlyList<int>? partitions = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "generation": generation = field.Int32(); break;
                case "partitions": partitions = field.Items(TopicSettings.MaxPartitions, f => f.Int32(0)); break;
                default: field.Unknown(); break;
            }
        }
        return new Assignment(generation ?? throw spot.Missing("generation"), partitions ?? throw spot.Missing("partitions"));
    }

    public static (string Member, int Generation) ReadHeartbeat(JsonSpot spot)
    {
        var (member, generation) = ReadMemberAndGeneration(spot);
        return (member, generation ?? throw spot.Missing("generation"));
    }

    public static void WriteHeartbeat(Utf8JsonWriter writer, string member, int generation)
    {
        writer.WriteStartObject();
        writer.WriteString("member", member);
        writer.WriteNumber("generation", generation);
        writer.WriteEndObject();
    }

    /// <summary>A leaving member may say its generation; nobody asks for it.</summary>
    public static string ReadLeave(JsonSpot spot) => ReadMemberAndGeneration(spot).Member;

    public static void WriteLeave(Utf8JsonWriter writer, string member)
    {
        writer.WriteStartObject();
        writer.WriteString("member", member);
        writer.WriteEndObject();
    }

    public static CommitRequest ReadCommit(JsonSpot spot)
    {
        IReadOnlyList<Position>? positions = null;
        string? member = null;
        int? generation = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "positions": positions = field.Items(TopicSettings.MaxPartitions, f => f.Position()); break;
                case "member": member = field.IsNull ? null : ReadMember(field); break;
                case "generation": generation = field.OrNull(f => f.Int32(0)); break;
                default: field.Unknown(); break;
            }
        }
        if (member is not null && generation is null)
            throw spot.Missing("generation");
        if (member is null && generation > 0)
            throw spot.Missing("member");
        return new CommitRequest(positions ?? throw spot.Missing("positions"), member, generation ?? 0);
    }

    public static void WriteCommit(Utf8JsonWriter writer, CommitRequest request)
    {
        writer.WriteStartObject();
        writer.WriteList("positions", request.Positions, (w, position) => w.WritePosition(position));
        if (request.Member is { } member)
        {
            writer.WriteString("member", member);
            writer.WriteNumber("generation", request.Generation);
        }
        writer.WriteEndObject();
    }

    public static SeekRequest ReadSeek(JsonSpot spot)
    {
        StartAt? to = null;
        IReadOnlyList<Position>? positions = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "to": to = field.OrNull(f => f.Start()); break;
                case "positions": positions = field.IsNull ? null : field.Items(TopicSettings.MaxPartitions, f => f.Position()); break;
                default: field.Unknown(); break;
            }
        }
        if (to is null == positions is null)
            throw spot.Malformed("should have one of 'to' and 'positions'");
        return new SeekRequest(to, positions ?? []);
    }

    public static void WriteSeek(Utf8JsonWriter writer, SeekRequest request)
    {
        writer.WriteStartObject();
        if (request.To is { } to)
        {
            writer.WritePropertyName("to");
            writer.WriteStart(to);
        }
        else
        {
            writer.WriteList("positions", request.Positions, (w, position) => w.WritePosition(position));
        }
        writer.WriteEndObject();
    }

    private static (string Member, int? Generation) ReadMemberAndGeneration(JsonSpot spot)
    {
        string? member = null;
        int? generation = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "member": member = ReadMember(field); break;
                case "generation": generation = field.OrNull(f => f.Int32(0)); break;
                default: field.Unknown(); break;
            }
        }
        return (member ?? throw spot.Missing("member"), generation);
    }

    private static string ReadMember(JsonSpot field)
    {
        var member = field.Text(QueueJson.MaxNameChars);
        return member.Length > 0 ? member : throw field.Malformed("is empty");
    }
}
