using System.Collections.Immutable;
using System.Text.Json.Serialization;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Catalog;

/// <summary>
/// One shard of the names there are, for listing: a document of sorted names. A name belongs to the shard of its hash, so that a
/// hundred thousand names are 256 small documents and not one big one.
/// </summary>
/// <remarks>Immutable: a change is a new index, to be written over the version it was made from.</remarks>
public sealed class NameIndex
{
    /// <summary>Persisted in where names are: never changes.</summary>
    public const int Shards = 256;

    private readonly ImmutableSortedSet<string> names;
    private readonly ImmutableArray<UnfinishedTopic> unfinished;

    private NameIndex(ImmutableSortedSet<string> names, ImmutableArray<UnfinishedTopic> unfinished) => (this.names, this.unfinished) = (names, unfinished);

    public static NameIndex Empty { get; } = new(ImmutableSortedSet.Create<string>(StringComparer.Ordinal), []);

    /// <summary>In ordinal order.</summary>
    public IReadOnlyList<string> Names => names;

    /// <summary>Topics that are being made or deleted, or were when the process ended; what is finished may stand here still.</summary>
    public IReadOnlyList<UnfinishedTopic> Unfinished => unfinished;

    /// <summary>FNV-1a over the name's characters (ASCII), folded to 8 bits. Frozen.</summary>
    public static int ShardOf(string name)
    {
        var hash = 2166136261u;
        foreach (var c in name)
            hash = (hash ^ c) * 16777619u;
        return (int)((hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24) & (Shards - 1));
    }

    public bool Contains(string name) => names.Contains(name);

    public NameIndex With(string name) => names.Contains(name) ? this : new(names.Add(name), unfinished);

    public NameIndex Without(string name) => names.Contains(name) ? new(names.Remove(name), unfinished) : this;

    public NameIndex With(UnfinishedTopic topic) => new(names, Others(topic.Id).Add(topic));

    /// <summary>Forgets those whose making or deletion is over.</summary>
    public NameIndex Without(Func<Guid, bool> finished) => unfinished.Any(topic => finished(topic.Id)) ? new(names, unfinished.RemoveAll(topic => finished(topic.Id))) : this;

    private ImmutableArray<UnfinishedTopic> Others(Guid id) => unfinished.RemoveAll(topic => topic.Id == id);

    /// <summary>A page over all shards, in ordinal order: names with the prefix behind <paramref name="after"/>.</summary>
    public static Page<string> PageOf(IEnumerable<NameIndex> shards, string prefix, string? after, int max)
    {
        var found = shards.SelectMany(shard => shard.names)
            .Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && (after is null || string.CompareOrdinal(name, after) > 0))
            .Order(StringComparer.Ordinal).Take(max + 1).ToList();
        return found.Count <= max ? new Page<string>(found, null) : new Page<string>(found[..max], found[max - 1]);
    }

    public byte[] ToJson() => JsonDocuments.Write(new NameIndexForm
    {
        Version = 1,
        Names = [.. names],
        Unfinished = unfinished.IsEmpty ? null : [.. unfinished.Select(topic => new UnfinishedForm { Name = topic.Name, Id = topic.Id, Partitions = topic.Partitions, Deleting = topic.Deleting })],
    }, CatalogJson.Default.NameIndexForm);

    /// <exception cref="StateFormatException">The bytes are not such a document.</exception>
    public static NameIndex FromJson(ReadOnlySpan<byte> json)
    {
        var form = JsonDocuments.Read(json, CatalogJson.Default.NameIndexForm, "name index", f => f.Version);
        StateReader.Check(form.Names.All(n => NameRule.IsValid(n)), "A name in the name index is none.");
        var unfinished = form.Unfinished ?? [];
        StateReader.Check(unfinished.All(topic => NameRule.IsValid(topic.Name) && topic.Partitions is > 0 and <= TopicSettings.MaxPartitions), "An unfinished topic in the name index is none.");
        return new NameIndex(
            ImmutableSortedSet.Create(StringComparer.Ordinal, form.Names),
            [.. unfinished.Select(topic => new UnfinishedTopic(topic.Name, topic.Id, topic.Partitions, topic.Deleting))]);
    }
}

/// <summary>A topic whose making or deletion was begun: what of its logs is left over is found by it.</summary>
/// <param name="Deleting">Its end was decided; else it was being made, and its logs are empty until its document is there.</param>
public sealed record UnfinishedTopic(string Name, Guid Id, int Partitions, bool Deleting);

/// <summary>As stored.</summary>
internal sealed class UnfinishedForm
{
    [JsonRequired]
    public string Name { get; set; } = "";

    [JsonRequired]
    public Guid Id { get; set; }

    [JsonRequired]
    public int Partitions { get; set; }

    public bool Deleting { get; set; }
}

/// <summary>As stored.</summary>
internal sealed class NameIndexForm
{
    [JsonRequired]
    public int Version { get; set; }

    public string[] Names { get; set; } = [];

    public UnfinishedForm[]? Unfinished { get; set; }
}
