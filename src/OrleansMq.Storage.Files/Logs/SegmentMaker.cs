using OrleansMq.Core.Log;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Logs;

internal static class SegmentMaker
{
    /// <summary>Makes an empty segment, durable with its name.</summary>
    public static IDiskFile Make(IDisk disk, string path, LogIdentity log, long basePosition, int epoch)
    {
        var file = Write(disk, path, log, basePosition, epoch);
        disk.FlushNames(Path.GetDirectoryName(path)!);
        return file;
    }

    /// <summary>
    /// Makes an empty segment, durable but for its name. A refusal leaves nothing behind: no byte of it was promised to anyone, so even a
    /// flush that found no space is only a refusal here.
    /// </summary>
    public static IDiskFile Write(IDisk disk, string path, LogIdentity log, long basePosition, int epoch)
    {
        var file = disk.Open(path, DiskOpenMode.Create);
        try
        {
            file.Write(SegmentHeader.Encode(log, basePosition, epoch), 0);
            file.Flush();
        }
        catch (DiskException)
        {
            file.Dispose();
            disk.RemoveIfPossible(path);
            throw;
        }
        return file;
    }
}
