using OrleansMq.Core.Groups;

namespace OrleansMq.Core.Catalog;

public sealed record TopicDocument
{
    public required TopicName Name { get; init; }
    public required Guid Id { get; init; }
    public required TopicSettings Settings { get; init; }
    public required long CreatedAtMs { get; init; }
    public byte[] ToJson() => throw new NotImplementedException();
    public static TopicDocument FromJson(ReadOnlySpan<byte> json) => throw new NotImplementedException();
}

public sealed record GroupDocument
{
    public required GroupName Name { get; init; }
    public required GroupSettings Settings { get; init; }
    public required bool Declared { get; init; }
    public required Membership Membership { get; init; }
    public required long CreatedAtMs { get; init; }
    public required long LastUsedMs { get; init; }
    public byte[] ToJson() => throw new NotImplementedException();
    public static GroupDocument FromJson(ReadOnlySpan<byte> json, long nowMs) => throw new NotImplementedException();
}

public sealed class NameIndex
{
    public const int Shards = 256;
    public static int ShardOf(string name) => throw new NotImplementedException();
    public static NameIndex Empty => throw new NotImplementedException();
    public IReadOnlyList<string> Names => throw new NotImplementedException();
    public bool Contains(string name) => throw new NotImplementedException();
    public NameIndex With(string name) => throw new NotImplementedException();
    public NameIndex Without(string name) => throw new NotImplementedException();
    public byte[] ToJson() => throw new NotImplementedException();
    public static NameIndex FromJson(ReadOnlySpan<byte> json) => throw new NotImplementedException();
}
