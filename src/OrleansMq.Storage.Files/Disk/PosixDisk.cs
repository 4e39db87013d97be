using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace OrleansMq.Storage.Files.Disk;

/// <summary>The disk of a Linux machine, by system calls.</summary>
/// <remarks>
/// .NET's own flush hides a failed fsync on Linux (docs: reliability, "Disk"), and it can't flush a directory; so nothing here goes
/// through FileStream. Files are made 0600, directories 0700.
/// </remarks>
[SupportedOSPlatform("linux")]
public sealed class PosixDisk : IDisk
{
    public IDiskFile Open(string path, DiskOpenMode mode) => PosixFile.Open(path, mode);

    public void Rename(string from, string to) => LibC.Check(() => LibC.rename(from, to), "rename", $"{from} -> {to}");

    public void Remove(string path) => LibC.Check(() => LibC.unlink(path), "unlink", path);

    public bool MakeDirectory(string path)
    {
        if (LibC.mkdir(path, LibC.OwnerDirectory) == 0)
            return true;
        var errno = Marshal.GetLastPInvokeError();
        return errno == LibC.EEXIST && Directory.Exists(path) ? false : throw LibC.Error(errno, "mkdir", path);
    }

    public void RemoveDirectory(string path) => LibC.Check(() => LibC.rmdir(path), "rmdir", path);

    public void FlushDirectory(string path)
    {
        var fd = LibC.Open(path, LibC.O_RDONLY | LibC.O_DIRECTORY);
        try
        {
            LibC.Check(() => LibC.fsync(fd), "fsync", path);
        }
        finally
        {
            _ = LibC.close(fd);
        }
    }

    public IReadOnlyList<DiskEntry> List(string path) => DirectoryListing.Of(path);

    public IDisposable Lock(string path, bool shared)
    {
        var fd = LibC.Open(path, shared ? LibC.O_RDONLY : LibC.O_RDWR | LibC.O_CREAT);
        var file = new PosixFile(path, fd);
        if (LibC.flock(fd, (shared ? LibC.LOCK_SH : LibC.LOCK_EX) | LibC.LOCK_NB) == 0)
            return file;
        var errno = Marshal.GetLastPInvokeError();
        file.Dispose();
        throw LibC.Error(errno, "flock", path);
    }
}
