namespace OrleansMq.Storage.Files.Disk;

/// <summary>Names in a directory, through .NET: reading names needs none of what it hides.</summary>
internal static class DirectoryListing
{
    public static IReadOnlyList<DiskEntry> Of(string path)
    {
        try
        {
            return [.. new DirectoryInfo(path).EnumerateFileSystemInfos()
                .Select(found => new DiskEntry(found.Name, found is DirectoryInfo))
                .OrderBy(entry => entry.Name, StringComparer.Ordinal)];
        }
        catch (DirectoryNotFoundException)
        {
            throw new DiskException(DiskError.Missing, "list", path, "no such directory");
        }
        catch (UnauthorizedAccessException e)
        {
            throw new DiskException(DiskError.Denied, "list", path, e.Message);
        }
        catch (IOException e)
        {
            throw new DiskException(DiskError.Failed, "list", path, e.Message);
        }
    }
}
