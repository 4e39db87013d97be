using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>The state of a key, looked at and set without a message.</summary>
public static class SessionJson
{
    /// <summary><c>{"key" or "keyBase64","state","version"}</c>; the state in base64, null or empty to clear it.</summary>
    public static void WriteRequest(Utf8JsonWriter writer, SessionRequest request)
    {
        writer.WriteStartObject();
        MessageJson.WriteKey(writer, request.Key);
        writer.WriteBase64String("state", (request.Set ?? default).Span);
        if (request.Version is { } version)
            writer.WriteNumber("version", version);
        writer.WriteEndObject();
    }

    public static SessionRequest ReadRequest(JsonSpot spot)
    {
        var (key, keyBase64, state, version) = ((byte[]?)null, (byte[]?)null, (byte[]?)null, (long?)null);
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "key": key = field.Utf8(); break;
                case "keyBase64": keyBase64 = field.Base64(); break;
                case "state": state = field.IsNull ? [] : field.Base64(); break;
                case "version": version = field.OrNull(f => f.Int64(0)); break;
                default: field.Unknown(); break;
            }
        }
        if (key is null == (keyBase64 is null))
            throw spot.Malformed("should have one of 'key' and 'keyBase64'");
        return new SessionRequest(key ?? keyBase64) { Set = state ?? throw spot.Missing("state"), Version = version };
    }

    /// <summary><c>{"partition","version","state"}</c></summary>
    public static void Write(Utf8JsonWriter writer, SessionState session)
    {
        writer.WriteStartObject();
        writer.WriteNumber("partition", session.Partition);
        writer.WriteNumber("version", session.Version);
        writer.WriteBase64String("state", session.State.Span);
        writer.WriteEndObject();
    }

    public static SessionState Read(JsonSpot spot)
    {
        var session = new SessionState(0, 0, default);
        foreach (var field in spot.Fields())
        {
            session = field.Name switch
            {
                "partition" => session with { Partition = field.Int32(0) },
                "version" => session with { Version = field.Int64(0) },
                "state" => session with { State = field.Base64() },
                _ => field.Unknown(session),
            };
        }
        return session;
    }
}
