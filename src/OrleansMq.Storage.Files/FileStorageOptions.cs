using System.Security.Cryptography;

namespace OrleansMq.Storage.Files;

/// <summary>How logs and documents are kept in a folder.</summary>
public sealed record FileStorageOptions
{
    /// <summary>The folder; made if it is missing, readable by its owner alone. One process at a time may hold it.</summary>
    public required string Directory { get; init; }

    /// <summary>
    /// The size in bytes at which a log goes on in a new segment; default 64 MiB, at least 4 KiB. One append is never split, so a
    /// segment may be longer by one append. Space is given back in whole segments, and a roll costs about three flushes: 64 MiB
    /// keeps that under 1% of the writing.
    /// </summary>
    public long SegmentBytes { get; init; } = 64L << 20;

    /// <summary>
    /// How much space in bytes is reserved ahead of writing at most; default 16 MiB. A log begins with <see cref="FirstReserveBytes"/>
    /// and doubles, so that small logs hold little and large ones reserve seldom.
    /// </summary>
    public long ReserveBytes { get; init; } = 16L << 20;

    /// <summary>The first reservation in bytes; default 64 KiB, at most <see cref="ReserveBytes"/>.</summary>
    public long FirstReserveBytes { get; init; } = 64L << 10;

    /// <summary>
    /// Threads that wait for the disk; default 16, at least 1. Sixteen flushes side by side write three to four times what one after
    /// the other does on 100 partitions; more brought nothing (storage.md). With a <see cref="Journal"/> there are
    /// at least 64: they wait for one flush together. Not used when the scheduler is given.
    /// </summary>
    public int FlushThreads { get; init; } = 16;

    /// <summary>
    /// Segments kept open between uses, over all logs; default 512, half of the 1,024 open files that Linux gives a process unless
    /// told otherwise. Segments in use or not yet flushed are open beyond it.
    /// </summary>
    public int OpenSegments { get; init; } = 512;

    /// <summary>
    /// Whether small changes of many files are made durable together, in a journal, with one flush for all; default false. It pays where many partitions are written at once and a
    /// flush takes a millisecond or more.
    /// </summary>
    public bool Journal { get; init; }

    /// <summary>
    /// Length in bytes of each of the journal's two files, reserved; default 64 MiB, at least 16 KiB. When one is full, what it speaks of is flushed in the
    /// background while the other is written.
    /// </summary>
    public long JournalBytes { get; init; } = 64L << 20;

    /// <summary>Bytes of one file, since its last flush, beyond which it is flushed itself and not through the journal; default 64 KiB, 1 KiB to 1 MiB.</summary>
    public int JournalShareBytes { get; init; } = 64 << 10;

    /// <summary>
    /// Whether the journal also takes what one file alone has to flush; default false: then a file's own flush does it, and nothing is written twice.
    /// </summary>
    public bool JournalWhenAlone { get; init; }

    /// <summary>Told what was found and put right while opening: a torn segment removed, a snapshot passed over. Default: nobody.</summary>
    public Action<StorageNotice>? OnNotice { get; init; }

    /// <summary>Draws a new log's incarnation; default random. The simulator draws from its seed.</summary>
    public Func<ulong> DrawIncarnation { get; init; } = DrawAtRandom;

    internal static ulong DrawAtRandom() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));

    /// <exception cref="ArgumentException">Settings that contradict each other or make no sense; both are named.</exception>
    internal FileStorageOptions Validated()
    {
        Require(!string.IsNullOrWhiteSpace(Directory), $"{nameof(Directory)} must name a folder");
        Require(SegmentBytes >= 4096, $"{nameof(SegmentBytes)} ({SegmentBytes}) must be at least 4096");
        Require(FirstReserveBytes >= 4096, $"{nameof(FirstReserveBytes)} ({FirstReserveBytes}) must be at least 4096");
        Require(ReserveBytes >= FirstReserveBytes, $"{nameof(ReserveBytes)} ({ReserveBytes}) must not be below {nameof(FirstReserveBytes)} ({FirstReserveBytes})");
        Require(FlushThreads is >= 1 and <= 1024, $"{nameof(FlushThreads)} ({FlushThreads}) must be 1 to 1024");
        Require(JournalBytes is >= 16 << 10 and <= 1 << 30, $"{nameof(JournalBytes)} ({JournalBytes}) must be 16384 to {1 << 30}");
        Require(JournalShareBytes is >= 1 << 10 and <= 1 << 20, $"{nameof(JournalShareBytes)} ({JournalShareBytes}) must be 1024 to {1 << 20}");
        Require(OpenSegments >= 1, $"{nameof(OpenSegments)} ({OpenSegments}) must be at least 1");
        return this;
    }

    private static void Require(bool holds, string message)
    {
        if (!holds)
            throw new ArgumentException($"File storage: {message}.");
    }
}

/// <summary>Something found and put right.</summary>
/// <param name="Path">The file.</param>
/// <param name="Message">What it was and what was done.</param>
public sealed record StorageNotice(string Path, string Message);
