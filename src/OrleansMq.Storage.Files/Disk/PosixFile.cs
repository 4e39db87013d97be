using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace OrleansMq.Storage.Files.Disk;

/// <summary>A file descriptor. Interrupted calls are repeated, short writes continued.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class PosixFile(string path, int fd) : IDiskFile
{
    private int _fd = fd;

    // Reserving and reading without waiting are not known to every file system; once refused, not asked again.
    private bool _canReserve = true;
    private bool _canReadCached = true;

    public static PosixFile Open(string path, DiskOpenMode mode) => new(path, LibC.Open(path, mode switch
    {
        DiskOpenMode.Read => LibC.O_RDONLY,
        DiskOpenMode.ReadWrite => LibC.O_RDWR,
        _ => LibC.O_RDWR | LibC.O_CREAT | LibC.O_TRUNC,
    }));

    public long Length
    {
        get
        {
            var length = LibC.lseek(_fd, 0, LibC.SEEK_END);
            return length >= 0 ? length : throw LibC.Error(Marshal.GetLastPInvokeError(), "lseek", path);
        }
    }

    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        while (bytes.Length > 0)
        {
            var written = WriteSome(bytes, offset);
            bytes = bytes[written..];
            offset += written;
        }
    }

    public int Read(Span<byte> destination, long offset)
    {
        fixed (byte* p = destination)
        {
            while (true)
            {
                var got = LibC.pread(_fd, p, (nuint)destination.Length, offset);
                if (got >= 0)
                    return (int)got;
                LibC.ThrowUnlessInterrupted("pread", path);
            }
        }
    }

    public bool TryReadCached(Span<byte> destination, long offset, out int count)
    {
        count = 0;
        if (!_canReadCached)
            return false;
        fixed (byte* p = destination)
        {
            var vector = new LibC.IoVector { Base = p, Length = (nuint)destination.Length };
            var got = LibC.preadv2(_fd, &vector, 1, offset, LibC.RWF_NOWAIT);
            if (got < 0)
                return Unavailable(Marshal.GetLastPInvokeError());
            count = (int)got;
            return true;
        }
    }

    public void Flush() => LibC.Check(() => LibC.fdatasync(_fd), "fdatasync", path);

    public void SetLength(long length) => LibC.Check(() => LibC.ftruncate(_fd, length), "ftruncate", path);

    public void Reserve(long offset, long count)
    {
        while (_canReserve && LibC.fallocate(_fd, LibC.FALLOC_FL_KEEP_SIZE, offset, count) != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno is LibC.EOPNOTSUPP or LibC.ENOSYS)
                _canReserve = false;
            else if (errno != LibC.EINTR)
                throw LibC.Error(errno, "fallocate", path);
        }
    }

    /// <summary>A close that fails says nothing that the flush before did not; the descriptor is gone either way.</summary>
    public void Dispose()
    {
        var closing = Interlocked.Exchange(ref _fd, -1);
        if (closing >= 0)
            _ = LibC.close(closing);
    }

    private int WriteSome(ReadOnlySpan<byte> bytes, long offset)
    {
        fixed (byte* p = bytes)
        {
            while (true)
            {
                var written = LibC.pwrite(_fd, p, (nuint)bytes.Length, offset);
                if (written > 0)
                    return (int)written;
                if (written == 0)
                    throw new DiskException(DiskError.Failed, "pwrite", path, "wrote nothing");
                LibC.ThrowUnlessInterrupted("pwrite", path);
            }
        }
    }

    private bool Unavailable(int errno)
    {
        if (errno is LibC.EOPNOTSUPP or LibC.ENOSYS)
            _canReadCached = false;
        return errno is LibC.EAGAIN or LibC.EINTR or LibC.EOPNOTSUPP or LibC.ENOSYS
            ? false
            : throw LibC.Error(errno, "preadv2", path);
    }
}
