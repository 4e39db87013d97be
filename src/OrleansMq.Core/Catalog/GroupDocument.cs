using System.Text.Json.Serialization;
using OrleansMq.Core.Filters;
using OrleansMq.Core.Groups;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Catalog;

/// <summary>A group of a topic as it is stored: settings and members.</summary>
public sealed record GroupDocument
{
    public required GroupName Name { get; init; }

    /// <summary>Drawn when the group was made: a group deleted and made again under its name is another, and no partition takes one's cursor for the other's.</summary>
    public Guid Id { get; init; }

    public required GroupSettings Settings { get; init; }

    /// <summary>False where it was made by first use.</summary>
    public required bool Declared { get; init; }

    /// <summary>Empty for a group of style queue.</summary>
    public required Membership Membership { get; init; }

    /// <summary>How many partitions its members' generation was shared of; null where the topic had not grown.</summary>
    public int? SharedOf { get; init; }

    /// <summary>Of these, those that were not shared out, because what came before their keys' growth is not committed.</summary>
    public IReadOnlyList<int> Held { get; init; } = [];

    public required long CreatedAtMs { get; init; }

    /// <summary>Of a group made by first use: a week later it lapses. Written now and then, not with each use.</summary>
    public required long LastUsedMs { get; init; }

    public byte[] ToJson() => JsonDocuments.Write(new GroupForm
    {
        Version = 1,
        Name = Name.Text,
        Id = Id,
        Declared = Declared,
        CreatedAtMs = CreatedAtMs,
        LastUsedMs = LastUsedMs,
        Settings = GroupSettingsForm.Of(Settings),
        Generation = Membership.Generation,
        Members = [.. Membership.Save().Select(m => new MemberForm { Member = m.Member, SessionTimeoutMs = m.SessionMs, Order = m.Order })],
        SharedOf = SharedOf,
        Held = Held.Count == 0 ? null : [.. Held],
    }, CatalogJson.Default.GroupForm);

    /// <summary>Every member gets a fresh session from <paramref name="nowMs"/> on.</summary>
    /// <exception cref="StateFormatException">The bytes are not such a document.</exception>
    public static GroupDocument FromJson(ReadOnlySpan<byte> json, long nowMs)
    {
        var form = JsonDocuments.Read(json, CatalogJson.Default.GroupForm, "group document", f => f.Version);
        var members = form.Members ?? [];
        StateReader.Check(form.Generation >= 0 && members.Length <= Membership.MaxMembers && !members.Contains(null), "The group document's generation or members can't be.");
        StateReader.Check(form.SharedOf is null or (> 0 and <= TopicSettings.MaxPartitions), "The group document's number of shared partitions can't be.");
        StateReader.Check((form.Held ?? []).All(held => held > 0 && held < form.SharedOf), "The group document's held partitions can't be.");
        return JsonDocuments.Checked("group document", () => new GroupDocument
        {
            Name = new GroupName(form.Name),
            Id = form.Id,
            Settings = (form.Settings ?? new GroupSettingsForm()).Read(),
            Declared = form.Declared,
            Membership = Membership.Load(form.Generation, members.Select(m => new Membership.Saved(m!.Member, m.SessionTimeoutMs, m.Order)), nowMs),
            CreatedAtMs = form.CreatedAtMs,
            LastUsedMs = form.LastUsedMs,
            SharedOf = form.SharedOf,
            Held = form.Held ?? [],
        });
    }
}

/// <summary>As stored.</summary>
internal sealed class GroupForm
{
    [JsonRequired]
    public int Version { get; set; }

    [JsonRequired]
    public string Name { get; set; } = "";

    public Guid Id { get; set; }

    public bool Declared { get; set; }
    public long CreatedAtMs { get; set; }
    public long LastUsedMs { get; set; }
    public GroupSettingsForm? Settings { get; set; }
    public int Generation { get; set; }
    public MemberForm?[]? Members { get; set; }
    public int? SharedOf { get; set; }
    public int[]? Held { get; set; }
}

/// <summary>As stored.</summary>
internal sealed class MemberForm
{
    [JsonRequired]
    public string Member { get; set; } = "";

    [JsonRequired]
    public long SessionTimeoutMs { get; set; }

    /// <summary>Lower joined earlier.</summary>
    public long Order { get; set; }
}

/// <summary>As stored. A field that is missing has its default: an older program did not know it.</summary>
internal sealed class GroupSettingsForm
{
    private static readonly GroupSettings Standard = new();

    public GroupStyle Style { get; set; } = Standard.Style;
    public bool ByKey { get; set; }
    public int? MaxActive { get; set; }
    public StartKind From { get; set; } = StartKind.Earliest;

    /// <summary>The offset or the time, where <see cref="From"/> is one.</summary>
    public long? FromValue { get; set; }

    public int MaxDeliveries { get; set; } = Standard.MaxDeliveries;
    public long[] BackoffMs { get; set; } = [.. Standard.Backoff.Select(step => (long)step.TotalMilliseconds)];
    public long LeaseMs { get; set; } = (long)Standard.Lease.TotalMilliseconds;
    public int MaxInFlight { get; set; } = Standard.MaxInFlight;
    public double? RatePerSecond { get; set; }
    public long? MaxMessages { get; set; }
    public long? MaxBytes { get; set; }
    public bool Paused { get; set; }
    public WhenExpired WhenExpired { get; set; } = Standard.WhenExpired;
    public bool HoldKeyBehindDeadLetter { get; set; }

    /// <summary>Null where it is not set, so that a group that does not use it is stored as before there was one.</summary>
    public bool? Priority { get; set; }

    public string? FairBy { get; set; }
    public long? SessionIdleMs { get; set; }
    public long? DeleteAfterIdleMs { get; set; }
    public string? Filter { get; set; }

    public static GroupSettingsForm Of(GroupSettings settings) => new()
    {
        Style = settings.Style,
        ByKey = settings.ByKey,
        MaxActive = settings.MaxActive,
        From = settings.From.Kind,
        FromValue = settings.From.Kind is StartKind.Time or StartKind.Offset ? settings.From.Value : null,
        MaxDeliveries = settings.MaxDeliveries,
        BackoffMs = [.. settings.Backoff.Select(step => (long)step.TotalMilliseconds)],
        LeaseMs = (long)settings.Lease.TotalMilliseconds,
        MaxInFlight = settings.MaxInFlight,
        RatePerSecond = settings.RatePerSecond,
        MaxMessages = settings.MaxMessages,
        MaxBytes = settings.MaxBytes,
        Paused = settings.Paused,
        WhenExpired = settings.WhenExpired,
        HoldKeyBehindDeadLetter = settings.HoldKeyBehindDeadLetter,
        Priority = settings.Priority ? true : null,
        FairBy = settings.FairBy?.ToString(),
        SessionIdleMs = (long?)settings.SessionIdle?.TotalMilliseconds,
        DeleteAfterIdleMs = (long?)settings.DeleteAfterIdle?.TotalMilliseconds,
        Filter = settings.Filter,
    };

    public GroupSettings Read() => new()
    {
        Style = Style,
        ByKey = ByKey,
        MaxActive = MaxActive,
        From = From switch
        {
            StartKind.Earliest => StartAt.Earliest,
            StartKind.Latest => StartAt.Latest,
            StartKind.Time => StartAt.Time(DateTimeOffset.FromUnixTimeMilliseconds(FromValue ?? 0)),
            StartKind.Offset => StartAt.Offset(FromValue ?? 0),
            _ => throw new ArgumentException($"A group begins at {From}."),
        },
        MaxDeliveries = MaxDeliveries,
        Backoff = [.. BackoffMs.Select(ms => TimeSpan.FromMilliseconds(ms))],
        Lease = TimeSpan.FromMilliseconds(LeaseMs),
        MaxInFlight = MaxInFlight,
        RatePerSecond = RatePerSecond,
        MaxMessages = MaxMessages,
        MaxBytes = MaxBytes,
        Paused = Paused,
        WhenExpired = WhenExpired,
        HoldKeyBehindDeadLetter = HoldKeyBehindDeadLetter,
        Priority = Priority ?? false,
        // One that this program does not understand is not taken for none.
        Filter = Filter is null ? null : MessageFilter.TryParse(Filter, out _, out var wrong) ? Filter : throw new ArgumentException($"filter {wrong}"),
        SessionIdle = SessionIdleMs is { } idle ? TimeSpan.FromMilliseconds(idle) : null,
        DeleteAfterIdle = DeleteAfterIdleMs is { } unused ? TimeSpan.FromMilliseconds(unused) : null,
        FairBy = FairBy is null ? null : OrleansMq.FairBy.TryParse(FairBy, out var fairBy, out var fault) ? fairBy : throw new ArgumentException(fault),
    };
}
