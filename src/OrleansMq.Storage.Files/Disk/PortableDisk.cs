using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace OrleansMq.Storage.Files.Disk;

/// <summary>
/// The disk of a Windows or macOS machine, through .NET. It passes the contract on Linux; it was not run on those systems, and it is
/// made for development: space is not reserved ahead, and a cached read can't be told from a cold one, so every read takes a thread.
/// </summary>
/// <remarks>
/// Windows: FlushFileBuffers; names are durable with NTFS' journal, no directory is flushed. macOS: F_FULLFSYNC on files and
/// directories, because its fsync stops at the drive's cache.
/// </remarks>
public sealed class PortableDisk : IDisk
{
    public IDiskFile Open(string path, DiskOpenMode mode) => Try("open", path, () => new PortableFile(path, mode));

    public void Rename(string from, string to) => Try("rename", from, () =>
    {
        if (Directory.Exists(from))
            Directory.Move(from, to);
        else
            File.Move(from, to, overwrite: true);
        return true;
    });

    public void Remove(string path) => Try("delete", path, () =>
    {
        if (!File.Exists(path))
            throw new FileNotFoundException("no such file", path);
        File.Delete(path);
        return true;
    });

    public bool MakeDirectory(string path) => Try("mkdir", path, () =>
    {
        if (Directory.Exists(path))
            return false;
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return true;
    });

    public void RemoveDirectory(string path) => Try("rmdir", path, () =>
    {
        Directory.Delete(path);
        return true;
    });

    public void FlushDirectory(string path)
    {
        if (OperatingSystem.IsMacOS())
            MacOS.FlushDirectory(path);
    }

    public IReadOnlyList<DiskEntry> List(string path) => DirectoryListing.Of(path);

    public IDisposable Lock(string path, bool shared)
    {
        try
        {
            return new FileStream(path, shared ? FileMode.Open : FileMode.OpenOrCreate, shared ? FileAccess.Read : FileAccess.ReadWrite,
                shared ? FileShare.Read : FileShare.None);
        }
        catch (IOException e) when (e is not FileNotFoundException and not DirectoryNotFoundException)
        {
            throw new DiskException(DiskError.Locked, "lock", path, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Translate(e, "lock", path);
        }
    }

    internal static T Try<T>(string operation, string path, Func<T> call)
    {
        try
        {
            return call();
        }
        catch (Exception e) when (e is IOException and not DiskException or UnauthorizedAccessException)
        {
            throw Translate(e, operation, path);
        }
    }

    private static DiskException Translate(Exception e, string operation, string path) => new(e switch
    {
        FileNotFoundException or DirectoryNotFoundException => DiskError.Missing,
        UnauthorizedAccessException => DiskError.Denied,
        _ when IsFull(e.HResult) => DiskError.Full,
        _ => DiskError.Failed,
    }, operation, path, e.Message);

    // ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL, ENOSPC.
    private static bool IsFull(int result) => result is unchecked((int)0x80070027) or unchecked((int)0x80070070) or 28;
}

internal sealed class PortableFile : IDiskFile
{
    private readonly string _path;
    private readonly SafeFileHandle _handle;

    public PortableFile(string path, DiskOpenMode mode)
    {
        _path = path;
        _handle = File.OpenHandle(
            path,
            mode == DiskOpenMode.Create ? FileMode.Create : FileMode.Open,
            mode == DiskOpenMode.Read ? FileAccess.Read : FileAccess.ReadWrite,
            FileShare.ReadWrite | FileShare.Delete);
        if (mode == DiskOpenMode.Create && !OperatingSystem.IsWindows())
            File.SetUnixFileMode(_handle, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public long Length => PortableDisk.Try("length", _path, () => RandomAccess.GetLength(_handle));

    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        try
        {
            RandomAccess.Write(_handle, bytes, offset);
        }
        catch (IOException e)
        {
            PortableDisk.Try<bool>("write", _path, () => throw e);
        }
    }

    public int Read(Span<byte> destination, long offset)
    {
        try
        {
            return RandomAccess.Read(_handle, destination, offset);
        }
        catch (IOException e)
        {
            return PortableDisk.Try<int>("read", _path, () => throw e);
        }
    }

    public bool TryReadCached(Span<byte> destination, long offset, out int count)
    {
        count = 0;
        return false;
    }

    public void Flush()
    {
        if (OperatingSystem.IsMacOS())
            MacOS.Flush(_handle, _path);
        else
            PortableDisk.Try("flush", _path, () =>
            {
                RandomAccess.FlushToDisk(_handle);
                return true;
            });
    }

    public void SetLength(long length) => PortableDisk.Try("truncate", _path, () =>
    {
        RandomAccess.SetLength(_handle, length);
        return true;
    });

    public void Reserve(long offset, long count)
    {
    }

    public void Dispose() => _handle.Dispose();
}

/// <summary>What .NET does not say on macOS: whether the flush failed.</summary>
internal static partial class MacOS
{
    private const int F_FULLFSYNC = 51;

    public static void Flush(SafeFileHandle file, string path) => FullFlush((int)file.DangerousGetHandle(), path);

    public static void FlushDirectory(string path)
    {
        var fd = open(path, 0);
        if (fd < 0)
            throw Error("open", path);
        try
        {
            FullFlush(fd, path);
        }
        finally
        {
            _ = close(fd);
        }
    }

    private static void FullFlush(int fd, string path)
    {
        if (fcntl(fd, F_FULLFSYNC) == -1)
            throw Error("F_FULLFSYNC", path);
    }

    private static DiskException Error(string operation, string path) =>
        new(DiskError.Failed, operation, path, Marshal.GetLastPInvokeErrorMessage());

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int command);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int fd);
}
