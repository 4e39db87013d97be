namespace OrleansMq.Storage.Files.Disk;

/// <summary>The steps that every durable change is made of.</summary>
internal static class Durably
{
    public const string TemporaryEnding = ".tmp";

    /// <summary>Flushes a directory. A failure leaves names in doubt, so it is never a refusal, whatever the system called it.</summary>
    public static void FlushNames(this IDisk disk, string directory)
    {
        try
        {
            disk.FlushDirectory(directory);
        }
        catch (DiskException e)
        {
            throw InDoubt(e);
        }
    }

    /// <summary>Flushes a file that is in use. A failure leaves its bytes in doubt: never a refusal.</summary>
    public static void FlushInUse(this IDiskFile file)
    {
        try
        {
            file.Flush();
        }
        catch (DiskException e)
        {
            throw InDoubt(e);
        }
    }

    /// <summary>Writes over bytes that are in use: a failure leaves them in doubt, never a refusal.</summary>
    public static void OverwriteInUse(this IDiskFile file, ReadOnlySpan<byte> bytes, long offset)
    {
        try
        {
            file.Write(bytes, offset);
        }
        catch (DiskException e)
        {
            throw InDoubt(e);
        }
    }

    /// <summary><see cref="IDisk.Replace"/> by a file beside it that takes its name.</summary>
    public static void ReplaceByName(IDisk disk, string path, ReadOnlySpan<ReadOnlyMemory<byte>> pieces)
    {
        var temporary = path + TemporaryEnding;
        try
        {
            WriteWhole(disk, temporary, pieces);
            disk.Rename(temporary, path);
        }
        catch (DiskException)
        {
            disk.RemoveIfPossible(temporary);
            throw;
        }
        disk.FlushNames(Path.GetDirectoryName(path)!);
    }

    /// <summary>Makes a directory with those above it, each name durable, also where an earlier attempt was cut off.</summary>
    public static void MakeDirectoryDurably(this IDisk disk, string path)
    {
        if (Path.GetDirectoryName(path) is not { } parent)
            return;
        var made = disk.MakeDirectoryAndParents(path, parent);
        try
        {
            disk.FlushNames(parent);
        }
        catch (DiskException e) when (e.Error == DiskError.Denied && !made)
        {
            // Somebody else's folder around one that was there before us.
        }
    }

    public static byte[] ReadWhole(this IDisk disk, string path)
    {
        using var file = disk.Open(path, DiskOpenMode.Read);
        var bytes = new byte[file.Length];
        var count = file.ReadUpTo(bytes, 0);
        return count == bytes.Length ? bytes : bytes[..count];
    }

    /// <summary>Reads until the destination is full or the file ends.</summary>
    public static int ReadUpTo(this IDiskFile file, Span<byte> destination, long offset)
    {
        var count = 0;
        while (count < destination.Length && file.Read(destination[count..], offset + count) is > 0 and var got)
            count += got;
        return count;
    }

    public static IReadOnlyList<DiskEntry> ListOrEmpty(this IDisk disk, string path)
    {
        try
        {
            return disk.List(path);
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            return [];
        }
    }

    public static bool Exists(this IDisk disk, string path) =>
        disk.ListOrEmpty(Path.GetDirectoryName(path)!).Any(entry => entry.Name == Path.GetFileName(path));

    /// <summary>Tidies up a file that no one will read; if it can't be, the next opening does.</summary>
    public static void RemoveIfPossible(this IDisk disk, string path)
    {
        try
        {
            disk.Remove(path);
        }
        catch (DiskException)
        {
        }
    }

    /// <summary>Tidies up a directory, unless there is something in it or it can't be.</summary>
    public static void RemoveDirectoryIfEmpty(this IDisk disk, string path)
    {
        try
        {
            if (disk.List(path).Count == 0)
                disk.RemoveDirectory(path);
        }
        catch (DiskException)
        {
        }
    }

    /// <summary>Removes a directory with everything in it.</summary>
    public static void RemoveTree(this IDisk disk, string path)
    {
        foreach (var entry in disk.ListOrEmpty(path))
        {
            var inside = Path.Join(path, entry.Name);
            if (entry.IsDirectory)
                disk.RemoveTree(inside);
            else
                disk.Remove(inside);
        }
        disk.RemoveDirectory(path);
    }

    private static bool MakeDirectoryAndParents(this IDisk disk, string path, string parent)
    {
        try
        {
            return disk.MakeDirectory(path);
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            disk.MakeDirectoryDurably(parent);
            return disk.MakeDirectory(path);
        }
    }

    /// <summary>Writes pieces one after the other from the beginning.</summary>
    public static void WritePieces(IDiskFile file, ReadOnlySpan<ReadOnlyMemory<byte>> pieces)
    {
        long offset = 0;
        foreach (var piece in pieces)
        {
            file.Write(piece.Span, offset);
            offset += piece.Length;
        }
    }

    private static void WriteWhole(IDisk disk, string path, ReadOnlySpan<ReadOnlyMemory<byte>> pieces)
    {
        using var file = disk.Open(path, DiskOpenMode.Create);
        WritePieces(file, pieces);
        file.Flush();
    }

    private static DiskException InDoubt(DiskException e) => e.IsRefusal ? new DiskException(DiskError.Failed, e.Operation, e.Path, e.Message) : e;
}
