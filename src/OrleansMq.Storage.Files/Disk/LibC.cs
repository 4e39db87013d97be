using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace OrleansMq.Storage.Files.Disk;

/// <summary>The system calls, with Linux' numbers (the same on x64 and arm64 but for O_DIRECTORY).</summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class LibC
{
    internal const int O_RDONLY = 0, O_RDWR = 2, O_CREAT = 0x40, O_TRUNC = 0x200;
    internal const int SEEK_END = 2;
    internal const int LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4;
    internal const int FALLOC_FL_KEEP_SIZE = 1;
    internal const int RWF_NOWAIT = 8;
    internal const int OwnerDirectory = 0x1C0; // 0700

    internal const int EPERM = 1, ENOENT = 2, EINTR = 4, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EEXIST = 17, ENOTDIR = 20, ENFILE = 23,
        EMFILE = 24, EFBIG = 27, ENOSPC = 28, EROFS = 30, ENOSYS = 38, ENOTEMPTY = 39, EOPNOTSUPP = 95, EDQUOT = 122;

    internal static readonly int O_DIRECTORY = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x4000 : 0x10000;

    private const int O_CLOEXEC = 0x80000;
    private const int OwnerFile = 0x180; // 0600

    [StructLayout(LayoutKind.Sequential)]
    internal struct IoVector
    {
        internal byte* Base;
        internal nuint Length;
    }

    internal static int Open(string path, int flags)
    {
        while (true)
        {
            var fd = open(path, flags | O_CLOEXEC, OwnerFile);
            if (fd >= 0)
                return fd;
            ThrowUnlessInterrupted("open", path);
        }
    }

    internal static void Check(Func<int> call, string operation, string path)
    {
        while (call() != 0)
            ThrowUnlessInterrupted(operation, path);
    }

    internal static void ThrowUnlessInterrupted(string operation, string path)
    {
        var errno = Marshal.GetLastPInvokeError();
        if (errno != EINTR)
            throw Error(errno, operation, path);
    }

    internal static DiskException Error(int errno, string operation, string path) =>
        new(Kind(errno), operation, path, $"{Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})");

    private static DiskError Kind(int errno) => errno switch
    {
        ENOSPC or EDQUOT or EFBIG => DiskError.Full,
        EMFILE or ENFILE or ENOMEM => DiskError.Exhausted,
        ENOENT or ENOTDIR => DiskError.Missing,
        ENOTEMPTY => DiskError.NotEmpty,
        EACCES or EPERM or EROFS => DiskError.Denied,
        EAGAIN => DiskError.Locked,
        _ => DiskError.Failed,
    };

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint pread(int fd, byte* buffer, nuint count, long offset);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint pwrite(int fd, byte* buffer, nuint count, long offset);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint preadv2(int fd, IoVector* vectors, int count, long offset, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fdatasync(int fd);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fsync(int fd);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int ftruncate(int fd, long length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fallocate(int fd, int mode, long offset, long length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial long lseek(int fd, long offset, int whence);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int flock(int fd, int operation);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int rename(string from, string to);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int unlink(string path);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mkdir(string path, int mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int rmdir(string path);
}
