using System.Text.Json.Serialization;
using OrleansMq.Core.Groups;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Catalog;

/// <summary>A group over several topics, as it is stored: members, generation or epoch, and on which partitions something was committed.</summary>
public sealed record CoordinationDocument
{
    /// <summary>What a committer may write beside an offset; as Kafka.</summary>
    public const int MaxNoteLength = 4_096;

    public required GroupName Name { get; init; }

    /// <summary>Those who assign partitions themselves.</summary>
    public required RebalancingGroup Members { get; init; }

    /// <summary>Those to whom the broker assigns. One of both is empty; its numbers are kept, so that none is used twice.</summary>
    public AssigningGroup Assigning { get; init; } = new();

    /// <summary>Of the members, or of those who were in last.</summary>
    public GroupKind Kind { get; init; }

    /// <summary>
    /// Topic, partition, and what was written beside the last offset. The offset itself is the cursor of the topic's group; this only tells a cursor that was
    /// committed from one that was made with its group and never moved.
    /// </summary>
    public required IReadOnlyDictionary<string, IReadOnlyDictionary<int, string>> Committed { get; init; }

    /// <summary>Written now and then.</summary>
    public required long LastUsedMs { get; init; }

    public static CoordinationDocument New(GroupName name, long nowMs) =>
        new() { Name = name, Members = new RebalancingGroup(), Committed = new Dictionary<string, IReadOnlyDictionary<int, string>>(), LastUsedMs = nowMs };

    /// <returns>This one where nothing changes.</returns>
    public CoordinationDocument WithCommitted(IEnumerable<GroupOffset> offsets)
    {
        Dictionary<string, IReadOnlyDictionary<int, string>>? next = null;
        foreach (var offset in offsets)
        {
            var topic = (next ?? Committed).GetValueOrDefault(offset.Topic.Text);
            if (topic is not null && topic.TryGetValue(offset.Partition, out var note) && note == offset.Note)
                continue;
            next ??= new Dictionary<string, IReadOnlyDictionary<int, string>>(Committed, StringComparer.Ordinal);
            next[offset.Topic.Text] = new Dictionary<int, string>(topic ?? new Dictionary<int, string>()) { [offset.Partition] = offset.Note };
        }

        return next is null ? this : this with { Committed = next };
    }

    /// <summary>The topic is gone, or is another of its name.</summary>
    public CoordinationDocument Without(TopicName topic) => !Committed.ContainsKey(topic.Text)
        ? this
        : this with { Committed = Committed.Where(t => t.Key != topic.Text).ToDictionary(StringComparer.Ordinal) };

    /// <summary>Version 2: with <see cref="Assigning"/>, which a program that knows version 1 alone would pass over, and leave out when it writes next.</summary>
    private int StoredVersion => Assigning.Epoch > 0 || Kind != GroupKind.Classic ? NewestVersion : 1;

    private const int NewestVersion = 2;

    public byte[] ToJson() => JsonDocuments.Write(
        new CoordinationForm
        {
            Version = StoredVersion,
            Name = Name.Text,
            LastUsedMs = LastUsedMs,
            Members = Members.Save(),
            Assigning = Assigning.Epoch == 0 ? null : Assigning.Save(),
            Kind = Kind,
            Committed = Committed.ToDictionary(t => t.Key, t => t.Value.ToDictionary()),
        },
        CatalogJson.Default.CoordinationForm);

    /// <summary>Every member gets a fresh session from <paramref name="nowMs"/> on.</summary>
    /// <exception cref="StateFormatException">The bytes are not such a document.</exception>
    public static CoordinationDocument FromJson(ReadOnlySpan<byte> json, long nowMs)
    {
        var form = JsonDocuments.Read(json, CatalogJson.Default.CoordinationForm, "group coordination document", f => f.Version, NewestVersion);
        return JsonDocuments.Checked("group coordination document", () => new CoordinationDocument
        {
            Name = new GroupName(form.Name),
            LastUsedMs = form.LastUsedMs,
            Members = RebalancingGroup.Load(form.Members ?? new RebalancingForm(), nowMs),
            Assigning = form.Assigning is { } assigning ? AssigningGroup.Load(assigning, nowMs) : new AssigningGroup(),
            Kind = form.Kind,
            Committed = (form.Committed ?? []).ToDictionary(t => t.Key, t => (IReadOnlyDictionary<int, string>)t.Value, StringComparer.Ordinal),
        });
    }
}

/// <summary>As stored.</summary>
internal sealed class CoordinationForm
{
    [JsonRequired]
    public int Version { get; set; }

    [JsonRequired]
    public string Name { get; set; } = "";

    public long LastUsedMs { get; set; }
    public RebalancingForm? Members { get; set; }
    public AssigningForm? Assigning { get; set; }
    public GroupKind Kind { get; set; }
    public Dictionary<string, Dictionary<int, string>>? Committed { get; set; }
}
