using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;

namespace OrleansMq.Storage.Files.Shared;

/// <summary>
/// The truth about a log on a shared volume: which opening may write, and every file that belongs to it. The value of a <see cref="SharedCell"/>:
/// a line with the CRC32C of what follows, in hexadecimal, then JSON.
/// </summary>
/// <remarks>
/// Files are named by who made them, so that one who does not know that its time is over can't touch another's; what the manifest does not name is
/// nobody's, whatever is in it.
/// </remarks>
internal sealed record SharedManifest
{
    /// <summary>Segments may be rewritten, and end before the next begins.</summary>
    public const int RewrittenFormat = 2;

    private const int CurrentFormat = 1;

    public int Format { get; init; } = CurrentFormat;
    public required Guid TopicId { get; init; }
    public required int Partition { get; init; }
    public required ulong Incarnation { get; init; }
    public required string TopicName { get; init; }
    public required byte[] Definition { get; init; }
    public int Epoch { get; init; }

    /// <summary>Oldest first, never empty. A segment ends where the next begins, however long its file is.</summary>
    public required IReadOnlyList<SharedFile> Segments { get; init; }

    /// <summary>Where the newest segment ends although its file may go on; null: where its file ends.</summary>
    public long? CutAt { get; init; }

    /// <summary>Ascending, at most two.</summary>
    public IReadOnlyList<SharedFile> Snapshots { get; init; } = [];

    [JsonIgnore]
    public LogIdentity Identity => new(Incarnation, TopicId, Partition);

    public static SharedManifest New(LogId id, LogDefinition definition, ulong incarnation, SharedFile segment) => new()
    {
        TopicId = id.TopicId,
        Partition = id.Partition,
        Incarnation = incarnation,
        TopicName = definition.TopicName,
        Definition = definition.Definition.ToArray(),
        Segments = [segment],
    };

    public byte[] Encode()
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(this, SharedManifestJson.Default.SharedManifest);
        return [.. Encoding.ASCII.GetBytes($"{Crc32C.Compute(json):x8}\n"), .. json];
    }

    /// <exception cref="LogDamagedException">It does not read back as written, or is another log's.</exception>
    public static SharedManifest Decode(byte[] bytes, string folder, LogId id)
    {
        if (bytes.Length < 9 || bytes[8] != (byte)'\n'
            || !uint.TryParse(bytes.AsSpan(0, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var crc) || crc != Crc32C.Compute(bytes.AsSpan(9)))
            throw new LogDamagedException($"{folder}: the manifest does not read back as written. Restore it from a copy.");
        var manifest = JsonSerializer.Deserialize(bytes.AsSpan(9), SharedManifestJson.Default.SharedManifest);
        if (manifest is not { Format: CurrentFormat or RewrittenFormat })
            throw new DataFolderException($"{folder}: format {manifest?.Format} of the manifest is not known to this program.");
        return manifest.TopicId == id.TopicId && manifest.Partition == id.Partition
            ? manifest
            : throw new LogDamagedException($"{folder}: belongs to topic {manifest.TopicId:N} partition {manifest.Partition}.");
    }
}

/// <summary>A segment or a snapshot: where it begins or stands, and who made it.</summary>
internal sealed record SharedFile(long Position, int Epoch, ulong Unique)
{
    private const string SegmentEnding = ".seg";
    private const string SnapshotEnding = ".snapshot";

    [JsonIgnore]
    public string SegmentName => Name + SegmentEnding;

    [JsonIgnore]
    public string SnapshotName => Name + SnapshotEnding;

    private string Name => string.Create(CultureInfo.InvariantCulture, $"{Position:D20}-{Epoch:D10}-{Unique:x16}");

    /// <summary>The epoch in a segment's or snapshot's file name; null for other files.</summary>
    public static int? EpochOf(string fileName) =>
        (fileName.EndsWith(SegmentEnding, StringComparison.Ordinal) || fileName.EndsWith(SnapshotEnding, StringComparison.Ordinal))
        && fileName.Length > 31 && fileName[20] == '-' && fileName[31] == '-'
        && int.TryParse(fileName.AsSpan(21, 10), NumberStyles.None, CultureInfo.InvariantCulture, out var epoch) ? epoch : null;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SharedManifest))]
internal sealed partial class SharedManifestJson : JsonSerializerContext;
