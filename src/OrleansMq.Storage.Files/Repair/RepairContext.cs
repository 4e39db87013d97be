using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>With what every part of a repair works.</summary>
internal sealed record RepairContext(IDisk Disk, DataFolder Folder, RepairCopies Copies, RepairReport Report, bool AcceptLoss)
{
    /// <summary>Asks whether something may be lost; where not, what would be is noted.</summary>
    public bool MayLose(string path, string what, string lost)
    {
        if (!AcceptLoss)
            Report.Leave(path, what, lost);
        return AcceptLoss;
    }

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
