namespace OrleansMq.Streaming;

/// <summary>A message of a topic as it travels to a subscriber: copied out of what was read, and not changed any more.</summary>
[GenerateSerializer]
[Immutable]
[Alias("OrleansMq.StreamEvent")]
public sealed class StreamEvent
{
    [Id(0)]
    public long Offset { get; init; }

    /// <summary>The time that the producer gave, in Unix milliseconds.</summary>
    [Id(1)]
    public long TimestampMs { get; init; }

    [Id(2)]
    public byte[] Body { get; init; } = [];

    /// <summary>The application's headers, in order; null where there are none.</summary>
    [Id(3)]
    public KeyValuePair<string, string>[]? Headers { get; init; }

    [Id(4)]
    public string? Token { get; init; }

    [Id(5)]
    public string? ContentType { get; init; }

    /// <summary>The body was written by Orleans' serializer.</summary>
    [Id(6)]
    public bool IsOrleans { get; init; }

    /// <summary>Its batch takes it along.</summary>
    [field: NonSerialized]
    internal StreamLog? Log { get; init; }

    /// <summary>What the event takes of a cache, about: the object, its body and its headers.</summary>
    internal int Size => 120 + Body.Length + (Headers is null ? 0 : HeaderBytes(Headers));

    public string? Header(string name)
    {
        foreach (var (key, value) in Headers ?? [])
            if (key == name)
                return value;
        return null;
    }

    private static int HeaderBytes(KeyValuePair<string, string>[] headers)
    {
        var bytes = 0;
        foreach (var (key, value) in headers)
            bytes += 80 + (2 * (key.Length + value.Length));
        return bytes;
    }
}
