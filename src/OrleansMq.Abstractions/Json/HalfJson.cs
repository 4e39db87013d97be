using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>Half messages: how they are checked back, where they stand, what a decision came to.</summary>
public static class HalfJson
{
    public static readonly WordList<HalfState> States = new(
        ("undecided", HalfState.Undecided), ("committed", HalfState.Committed), ("rolledBack", HalfState.RolledBack), ("timedOut", HalfState.TimedOut));

    /// <summary><c>{"group","checkAfterMs","checkEveryMs","maxChecks"}</c></summary>
    public static void WriteTerms(Utf8JsonWriter writer, HalfTerms terms)
    {
        writer.WriteStartObject();
        writer.WriteString("group", terms.Group);
        writer.WriteMs("checkAfterMs", terms.CheckAfter);
        writer.WriteMs("checkEveryMs", terms.CheckEvery);
        writer.WriteNumber("maxChecks", terms.MaxChecks);
        writer.WriteEndObject();
    }

    public static HalfTerms ReadTerms(JsonSpot spot)
    {
        var terms = new HalfTerms("");
        foreach (var field in spot.Fields())
        {
            terms = field.Name switch
            {
                "group" => terms with { Group = field.Text() },
                "checkAfterMs" => terms with { CheckAfter = field.Milliseconds() },
                "checkEveryMs" => terms with { CheckEvery = field.Milliseconds(1) },
                "maxChecks" => terms with { MaxChecks = field.Int32(1, 1_000) },
                _ => field.Unknown(terms),
            };
        }
        return terms.Group.Length > 0 ? terms : throw spot.Missing("group");
    }

    /// <summary><c>{"id","group","state","bornAt","checks","partition","message":{…}}</c></summary>
    public static void Write(Utf8JsonWriter writer, HalfMessage half)
    {
        writer.WriteStartObject();
        writer.WriteString("id", half.Id);
        writer.WriteString("group", half.Group);
        writer.WriteString("state", States.Write(half.State));
        writer.WriteTime("bornAt", half.BornAt);
        writer.WriteNumber("checks", half.Checks);
        writer.WriteNumber("partition", half.Message.Position.Partition);
        writer.WritePropertyName("message");
        StoredMessageJson.Write(writer, half.Message);
        writer.WriteEndObject();
    }

    public static HalfMessage Read(JsonSpot spot)
    {
        string? id = null, group = null;
        var (state, bornAt, checks, partition) = (HalfState.Undecided, DateTimeOffset.UnixEpoch, 0, 0);
        StoredMessage? message = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "id": id = field.Text(); break;
                case "group": group = field.Text(); break;
                case "state": state = field.Word(States); break;
                case "bornAt": bornAt = field.Time(); break;
                case "checks": checks = field.Int32(0); break;
                case "partition": partition = field.Int32(0); break;
                case "message": message = StoredMessageJson.ReadUnplaced(field); break;
                default: field.Unknown(); break;
            }
        }
        return new HalfMessage(
            id ?? throw spot.Missing("id"), group ?? throw spot.Missing("group"), state, bornAt, checks,
            (message ?? throw spot.Missing("message")) with { Position = new Position(partition, -1) });
    }

    /// <summary><c>{"half":[…],"next":"…"}</c></summary>
    public static void WritePage(Utf8JsonWriter writer, Page<HalfMessage> page)
    {
        writer.WriteStartObject();
        writer.WriteList("half", page.Items, Write);
        writer.WriteString("next", page.Next);
        writer.WriteEndObject();
    }

    public static Page<HalfMessage> ReadPage(JsonSpot spot)
    {
        var page = new Page<HalfMessage>([], null);
        foreach (var field in spot.Fields())
        {
            page = field.Name switch
            {
                "half" => page with { Items = field.Items(int.MaxValue, Read) },
                "next" => page with { Next = field.IsNull ? null : field.Text() },
                _ => field.Unknown(page),
            };
        }
        return page;
    }

    /// <summary><c>{"state":"committed","position":{…},"duplicate":false}</c></summary>
    public static void WriteResult(Utf8JsonWriter writer, HalfResult result)
    {
        writer.WriteStartObject();
        writer.WriteString("state", States.Write(result.State));
        if (result.Position is { } position)
            writer.WritePosition("position", position);
        writer.WriteBoolean("duplicate", result.Duplicate);
        writer.WriteEndObject();
    }

    public static HalfResult ReadResult(JsonSpot spot)
    {
        var result = new HalfResult(HalfState.Undecided, null, false);
        foreach (var field in spot.Fields())
        {
            result = field.Name switch
            {
                "state" => result with { State = field.Word(States) },
                "position" => result with { Position = field.Position() },
                "duplicate" => result with { Duplicate = field.Flag() },
                _ => field.Unknown(result),
            };
        }
        return result;
    }

    /// <summary><c>{"force":true}</c>: decides by hand what timed out.</summary>
    public static void WriteEnd(Utf8JsonWriter writer, bool force)
    {
        writer.WriteStartObject();
        if (force)
            writer.WriteBoolean("force", true);
        writer.WriteEndObject();
    }

    public static bool ReadEnd(JsonSpot spot)
    {
        var force = false;
        foreach (var field in spot.Fields())
        {
            if (field.Name == "force")
                force = field.Flag();
            else
                field.Unknown();
        }
        return force;
    }

    /// <summary><c>{"group","max","waitMs"}</c></summary>
    public static void WriteCheck(Utf8JsonWriter writer, string group, int max, TimeSpan wait)
    {
        writer.WriteStartObject();
        writer.WriteString("group", group);
        writer.WriteNumber("max", max);
        writer.WriteMs("waitMs", wait);
        writer.WriteEndObject();
    }

    public static (string Group, int Max, TimeSpan Wait) ReadCheck(JsonSpot spot)
    {
        string? group = null;
        var (max, wait) = (100, TimeSpan.Zero);
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "group": group = field.Text(); break;
                case "max": max = field.Int32(1, 1_000); break;
                case "waitMs": wait = field.Milliseconds(0, QueueJson.MaxWaitMs); break;
                default: field.Unknown(); break;
            }
        }
        return (group ?? throw spot.Missing("group"), max, wait);
    }

    /// <summary><c>{"checks":[…]}</c></summary>
    public static void WriteChecks(Utf8JsonWriter writer, IReadOnlyList<HalfMessage> checks)
    {
        writer.WriteStartObject();
        writer.WriteList("checks", checks, Write);
        writer.WriteEndObject();
    }

    public static IReadOnlyList<HalfMessage> ReadChecks(JsonSpot spot)
    {
        IReadOnlyList<HalfMessage>? checks = null;
        foreach (var field in spot.Fields())
        {
            if (field.Name == "checks")
                checks = field.Items(int.MaxValue, Read);
            else
                field.Unknown();
        }
        return checks ?? throw spot.Missing("checks");
    }
}
