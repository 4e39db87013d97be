namespace OrleansMq.Server.Documents;

/// <summary>The documents of one grain as its grain storage keeps them. Properties can be set for storages that write JSON.</summary>
[GenerateSerializer, Alias("OrleansMq.DocumentShelf")]
public sealed class DocumentShelf
{
    /// <summary>Given to the last document written; versions never come again, also where a document was deleted between.</summary>
    [Id(0)]
    public long LastVersion { get; set; }

    [Id(1)]
    public Dictionary<string, ShelvedDocument> Documents { get; set; } = new(StringComparer.Ordinal);
}

/// <summary>One of them.</summary>
[GenerateSerializer, Alias("OrleansMq.ShelvedDocument")]
public sealed class ShelvedDocument
{
    [Id(0)]
    public byte[] Bytes { get; set; } = [];

    [Id(1)]
    public long Version { get; set; }
}
