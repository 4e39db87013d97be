using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Storage.Files;

/// <summary>What was found of one log.</summary>
public sealed record LogInspection
{
    public required LogId Id { get; init; }

    public required string Folder { get; init; }

    /// <summary>From the manifest; 0 and null if that does not read back.</summary>
    public ulong Incarnation { get; init; }

    public int Epoch { get; init; }

    public LogDefinition? Definition { get; init; }

    public IReadOnlyList<SegmentInspection> Segments { get; init; } = [];

    public IReadOnlyList<SnapshotInspection> Snapshots { get; init; } = [];

    /// <summary>How the frames end; null if they could not be walked.</summary>
    public LogTail? Tail { get; init; }

    /// <summary>Where the first bad place is, unless the tail is clean.</summary>
    public string? BadFile { get; init; }

    /// <summary>Offset in that file.</summary>
    public long BadOffset { get; init; }

    /// <summary>What needs somebody's hand, each naming its file. A torn tail is none: opening cuts it.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];

    internal LogInspection With(string problem) => this with { Problems = [.. Problems, problem] };
}

/// <summary>A segment and the positions it holds.</summary>
public sealed record SegmentInspection(string Path, long Base, long End);

/// <summary>A snapshot and whether it reads back as written.</summary>
public sealed record SnapshotInspection(long Position, long Bytes, bool IsWhole);

/// <summary>A document in its file, or something in the file that does not read back, of which the key may not be known.</summary>
/// <param name="Path">The file.</param>
/// <param name="Key">The document's key, where it is known.</param>
/// <param name="Document">What a broker serves; null where there is a problem.</param>
/// <param name="Problem">Why it is not served, or what is damaged.</param>
public sealed record DocumentInspection(string Path, string? Key, Document? Document, string? Problem);
