using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>With what every part of a repair works.</summary>
/// <param name="Disk">The real one, or one on which the repair is only tried.</param>
/// <param name="AcceptLoss">False: only what is mended without a loss is asked for.</param>
/// <param name="Plant">For tests of what judges repairs.</param>
internal sealed record RepairContext(IDisk Disk, DataFolder Folder, RepairCopies Copies, RepairReport Report, bool AcceptLoss, PlantedBug Plant)
{
    /// <summary>Gives a file other content, whole or not at all.</summary>
    public void Replace(string path, params ReadOnlySpan<ReadOnlyMemory<byte>> pieces)
    {
        Copies.Keep(path);
        Disk.Replace(path, pieces);
    }

    /// <summary>Takes a file away for good.</summary>
    public void Remove(string path)
    {
        Copies.Keep(path);
        Disk.Remove(path);
        Disk.FlushNames(Path.GetDirectoryName(path)!);
    }

    /// <summary>Changes a file in place: what it does must be such that doing it again after half of it is right.</summary>
    public void Change(string path, Action<IDiskFile> change)
    {
        Copies.Keep(path);
        using var file = Disk.Open(path, DiskOpenMode.ReadWrite);
        change(file);
        file.FlushInUse();
    }
}

/// <summary>A bug that a test plants, to see that it is found.</summary>
internal enum PlantedBug
{
    None,

    /// <summary>The tail is cut before a gap stands in place of each hole.</summary>
    TailFirst,

    /// <summary>A loss is not said.</summary>
    Unnamed,

    /// <summary>A gap reaches over the whole frame behind its hole, and nobody looks what came of it.</summary>
    GapTooLong,

    /// <summary>No offsets are passed over where nothing tells how many there were.</summary>
    OffsetsAgain,

    /// <summary>Lanes go on where they had come to; of the replay, not of the repair.</summary>
    LanesStandStill,

    /// <summary>The last hole is cut with all behind it, as if it were a tail.</summary>
    CutsTheRest,
}
