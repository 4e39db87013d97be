using System.Text.Json;
using System.Text.Json.Serialization;

namespace OrleansMq.Clustering;

/// <summary>The membership table of one cluster, as stored: one document, so that a change of a row and of the table's version is one write.</summary>
/// <remarks>JSON, for an operator reads it at night. Names are only ever added (docs/formats.md).</remarks>
internal sealed record MembershipDocument
{
    private const int CurrentFormat = 1;

    public int Format { get; init; } = CurrentFormat;

    /// <summary>Drawn when the table was made, part of every etag: a table that was deleted and made again accepts none of the old ones.</summary>
    public required string Incarnation { get; init; }

    /// <summary>Orleans' table version: grows by one with each row inserted or updated, and with nothing else.</summary>
    public int Version { get; init; }

    public IReadOnlyList<MembershipRow> Rows { get; init; } = [];

    public TableVersion TableVersion => new(Version, EtagOf(Version));

    public static MembershipDocument New() => new() { Incarnation = Guid.NewGuid().ToString("N") };

    /// <exception cref="OrleansException">It is no membership table, or of a newer format.</exception>
    public static MembershipDocument Decode(ReadOnlyMemory<byte> bytes, string key)
    {
        try
        {
            var decoded = JsonSerializer.Deserialize(bytes.Span, MembershipJson.Default.MembershipDocument);
            return decoded is { Format: CurrentFormat }
                ? decoded
                : throw new OrleansException($"Document '{key}': format {decoded?.Format} of the membership table is not known to this program.");
        }
        catch (JsonException e)
        {
            throw new OrleansException($"Document '{key}' is no membership table: {e.Message}. With every silo stopped it may be deleted; the silos make it anew.", e);
        }
    }

    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, MembershipJson.Default.MembershipDocument);

    public MembershipRow? Find(SiloAddress silo)
    {
        var address = silo.ToParsableString();
        return Rows.FirstOrDefault(row => row.Address == address);
    }

    public MembershipTableData ToTable(Func<MembershipRow, bool> which) =>
        new([.. Rows.Where(which).Select(row => Tuple.Create(row.ToEntry(), EtagOf(row.ChangedAt)))], TableVersion);

    /// <returns>Null if the asker saw another table, or the row is there already.</returns>
    public MembershipDocument? Insert(MembershipEntry entry, TableVersion seen) =>
        Follows(seen) && Find(entry.SiloAddress) is null
            ? this with { Version = seen.Version, Rows = [.. Rows, MembershipRow.Of(entry, seen.Version)] }
            : null;

    /// <returns>Null if the asker saw another table or another row.</returns>
    /// <remarks>Saying "I am alive" changes no etag, so it may have happened since the asker read the row: the later time stays.</remarks>
    public MembershipDocument? Update(MembershipEntry entry, string etag, TableVersion seen)
    {
        if (!Follows(seen) || Find(entry.SiloAddress) is not { } row || EtagOf(row.ChangedAt) != etag)
            return null;
        var updated = MembershipRow.Of(entry, seen.Version);
        return this with
        {
            Version = seen.Version,
            Rows = Replace(row, updated with { IAmAliveTime = Later(row.IAmAliveTime, updated.IAmAliveTime) }),
        };
    }

    /// <summary>Changes neither the row's etag nor the table's version: it is no change of membership, and must not make one fail.</summary>
    public MembershipDocument SaysAlive(MembershipRow row, DateTime at) =>
        this with { Rows = Replace(row, row with { IAmAliveTime = Later(row.IAmAliveTime, at) }) };

    public MembershipDocument WithoutDefunct(DateTime before) => this with
    {
        Rows = [.. Rows.Where(row => row.Status == SiloStatus.Active || Later(row.IAmAliveTime, row.StartTime) >= before)],
    };

    private bool Follows(TableVersion seen) => seen.VersionEtag == EtagOf(Version) && seen.Version == Version + 1;

    private string EtagOf(int version) => $"{Incarnation}.{version}";

    private MembershipRow[] Replace(MembershipRow old, MembershipRow updated) => [.. Rows.Select(row => row == old ? updated : row)];

    private static DateTime Later(DateTime a, DateTime b) => a > b ? a : b;
}

/// <summary>A silo's row.</summary>
internal sealed record MembershipRow
{
    /// <summary>Endpoint and generation, as <see cref="SiloAddress.ToParsableString"/> writes them.</summary>
    public required string Address { get; init; }

    /// <summary>The table's version that this row was last changed at; its etag.</summary>
    public required int ChangedAt { get; init; }

    public required SiloStatus Status { get; init; }
    public int ProxyPort { get; init; }
    public string? HostName { get; init; }
    public string? SiloName { get; init; }
    public string? RoleName { get; init; }
    public int UpdateZone { get; init; }
    public int FaultZone { get; init; }
    public DateTime StartTime { get; init; }
    public DateTime IAmAliveTime { get; init; }
    public IReadOnlyList<Suspicion>? Suspicions { get; init; }

    public static MembershipRow Of(MembershipEntry entry, int changedAt) => new()
    {
        Address = entry.SiloAddress.ToParsableString(),
        ChangedAt = changedAt,
        Status = entry.Status,
        ProxyPort = entry.ProxyPort,
        HostName = entry.HostName,
        SiloName = entry.SiloName,
        RoleName = entry.RoleName,
        UpdateZone = entry.UpdateZone,
        FaultZone = entry.FaultZone,
        StartTime = Utc(entry.StartTime),
        IAmAliveTime = Utc(entry.IAmAliveTime),
        Suspicions = entry.SuspectTimes?.ConvertAll(vote => new Suspicion(vote.Item1.ToParsableString(), Utc(vote.Item2))),
    };

    public MembershipEntry ToEntry() => new()
    {
        SiloAddress = SiloAddress.FromParsableString(Address),
        Status = Status,
        ProxyPort = ProxyPort,
        HostName = HostName!,
        SiloName = SiloName!,
        RoleName = RoleName,
        UpdateZone = UpdateZone,
        FaultZone = FaultZone,
        StartTime = StartTime,
        IAmAliveTime = IAmAliveTime,
        SuspectTimes = Suspicions?.Select(vote => Tuple.Create(SiloAddress.FromParsableString(vote.By), vote.At)).ToList(),
    };

    /// <summary>Orleans' times are UTC, whatever their kind says.</summary>
    internal static DateTime Utc(DateTime time) => DateTime.SpecifyKind(time, DateTimeKind.Utc);
}

/// <summary>A vote that a silo is dead.</summary>
internal sealed record Suspicion(string By, DateTime At);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(MembershipDocument))]
internal sealed partial class MembershipJson : JsonSerializerContext;
