using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>A refusal: within an answer that holds several, and as a problem document (RFC 9457).</summary>
public static class ErrorJson
{
    /// <summary><c>{"code","detail","retryAfterMs"}</c></summary>
    public static void Write(Utf8JsonWriter writer, MqError error)
    {
        writer.WriteStartObject();
        WriteFields(writer, error);
        writer.WriteEndObject();
    }

    public static MqError Read(JsonSpot spot)
    {
        string? code = null, detail = null;
        TimeSpan? retryAfter = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "code": code = field.Text(); break;
                case "detail": detail = field.Text(); break;
                case "retryAfterMs": retryAfter = field.OrNull(f => f.Milliseconds()); break;
                default: field.Unknown(); break;
            }
        }
        return new MqError(code ?? throw spot.Missing("code"), detail ?? code, retryAfter);
    }

    /// <summary><c>{"type","title","status","code","detail","retryAfterMs"}</c>; <paramref name="more"/> adds to it.</summary>
    public static void WriteProblem(Utf8JsonWriter writer, int status, string title, MqError error, Action<Utf8JsonWriter>? more = null)
    {
        writer.WriteStartObject();
        writer.WriteString("type", "about:blank");
        writer.WriteString("title", title);
        writer.WriteNumber("status", status);
        WriteFields(writer, error);
        more?.Invoke(writer);
        writer.WriteEndObject();
    }

    internal static void WriteUnlessNull(Utf8JsonWriter writer, MqError? error)
    {
        if (error is null)
            return;
        writer.WritePropertyName("error");
        Write(writer, error);
    }

    private static void WriteFields(Utf8JsonWriter writer, MqError error)
    {
        writer.WriteString("code", error.Code);
        writer.WriteString("detail", error.Detail);
        if (error.RetryAfter is { } retryAfter)
            writer.WriteMs("retryAfterMs", retryAfter);
    }
}
