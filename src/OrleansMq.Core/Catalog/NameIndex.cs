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

    private NameIndex(ImmutableSortedSet<string> names) => this.names = names;

    public static NameIndex Empty { get; } = new(ImmutableSortedSet.Create<string>(StringComparer.Ordinal));

    /// <summary>In ordinal order.</summary>
    public IReadOnlyList<string> Names => names;

    /// <summary>FNV-1a over the name's characters (ASCII), folded to 8 bits. Frozen.</summary>
    public static int ShardOf(string name)
    {
        var hash = 2166136261u;
        foreach (var c in name)
            hash = (hash ^ c) * 16777619u;
        return (int)((hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24) & (Shards - 1));
    }

    public bool Contains(string name) => names.Contains(name);

    public NameIndex With(string name) => names.Contains(name) ? this : new(names.Add(name));

    public NameIndex Without(string name) => names.Contains(name) ? new(names.Remove(name)) : this;

    /// <summary>A page over all shards, in ordinal order: names with the prefix behind <paramref name="after"/>.</summary>
    public static Page<string> PageOf(IEnumerable<NameIndex> shards, string prefix, string? after, int max)
    {
        var found = shards.SelectMany(shard => shard.names)
            .Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && (after is null || string.CompareOrdinal(name, after) > 0))
            .Order(StringComparer.Ordinal).Take(max + 1).ToList();
        return found.Count <= max ? new Page<string>(found, null) : new Page<string>(found[..max], found[max - 1]);
    }

    public byte[] ToJson() => JsonDocuments.Write(new NameIndexForm { Version = 1, Names = [.. names] }, CatalogJson.Default.NameIndexForm);

    /// <exception cref="StateFormatException">The bytes are not such a document.</exception>
    public static NameIndex FromJson(ReadOnlySpan<byte> json)
    {
        var form = JsonDocuments.Read(json, CatalogJson.Default.NameIndexForm, "name index", f => f.Version);
        StateReader.Check(form.Names.All(n => NameRule.IsValid(n)), "A name in the name index is none.");
        return new NameIndex(ImmutableSortedSet.Create(StringComparer.Ordinal, form.Names));
    }
}

/// <summary>As stored.</summary>
internal sealed class NameIndexForm
{
    [JsonRequired]
    public int Version { get; set; }

    public string[] Names { get; set; } = [];
}
