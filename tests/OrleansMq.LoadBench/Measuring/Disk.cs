using System.ComponentModel;
using System.Runtime.InteropServices;

namespace OrleansMq.LoadBench.Measuring;

/// <summary>The system calls that limits are measured with, without anything of ours between. Linux.</summary>
internal static unsafe partial class Disk
{
    private const int WriteOnly = 1, Create = 0x40, Truncate = 0x200, CloseOnExec = 0x80000;
    private const int DropFromCache = 4; // POSIX_FADV_DONTNEED
    private const int SetTimerSlack = 29; // PR_SET_TIMERSLACK

    public static int OpenNew(string path) => Check(open(path, WriteOnly | Create | Truncate | CloseOnExec, 0x180), path);

    public static void Append(int file, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* p = bytes)
            for (var written = 0; written < bytes.Length;)
                written += (int)Check(write(file, p + written, (nuint)(bytes.Length - written)), "write");
    }

    public static void Flush(int file) => Check(fdatasync(file), "fdatasync");

    public static void Close(int file) => Check(close(file), "close");

    /// <summary>Takes a file out of the page cache, so that it is read from the disk.</summary>
    public static void Forget(string path)
    {
        var file = Check(open(path, CloseOnExec, 0), path);
        Flush(file);
        Check(posix_fadvise(file, 0, 0, DropFromCache), "posix_fadvise");
        Close(file);
    }

    /// <summary>Bytes that the file system gave to a file.</summary>
    public static long AllocatedBytes(string path)
    {
        // struct statx: blocks of 512 bytes stand at byte 48.
        var buffer = stackalloc byte[256];
        Check(statx(-100, path, 0, 0x7ff, buffer), path);
        return *(long*)(buffer + 48) * 512;
    }

    /// <summary>Lets this thread's sleeps end to the microsecond, and not to the kernel's 50.</summary>
    public static void SleepExactly() => Check(prctl(SetTimerSlack, 1, 0, 0, 0), "prctl");

    public static void Sleep(TimeSpan time)
    {
        var span = stackalloc long[2] { (long)time.TotalSeconds, time.Ticks % TimeSpan.TicksPerSecond * 100 };
        _ = nanosleep(span, null);
    }

    public static string Processor() =>
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown";

    private static int Check(int result, string what) => (int)Check((nint)result, what);

    private static nint Check(nint result, string what) =>
        result >= 0 ? result : throw new IOException($"{what}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int file);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(int file, byte* bytes, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fdatasync(int file);

    [LibraryImport("libc")]
    private static partial int posix_fadvise(int file, long offset, long length, int advice);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int folder, string path, int flags, uint mask, byte* result);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int prctl(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport("libc")]
    private static partial int nanosleep(long* request, long* remaining);
}
