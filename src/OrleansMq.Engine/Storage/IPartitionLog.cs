namespace OrleansMq.Engine.Storage;

/// <summary>
/// One partition's log: bytes of whole frames at ever-growing positions, in segments, opened by one writer.
/// The caller builds the frames and checks what it reads; the log keeps bytes and says when they are durable.
/// </summary>
/// <remarks>
/// <para><see cref="Append"/> is called once at a time, in order. <see cref="Flush"/> may run beside a later append and covers what was
/// appended before it was called. Reads run beside everything, on any thread.</para>
/// <para>After <see cref="LogFailedException"/> or <see cref="LogFencedException"/> every further call throws the same: a flush that failed is
/// never tried again, for the kernel may have dropped the pages.</para>
/// </remarks>
public interface IPartitionLog : IAsyncDisposable
{
    LogId Id { get; }

    /// <summary>Random, drawn when the log was created; frames carry it.</summary>
    ulong Incarnation { get; }

    /// <summary>Grows by one at each opening; frames carry it, starting at 1.</summary>
    int Epoch { get; }

    /// <summary>The first position kept.</summary>
    long Start { get; }

    /// <summary>
    /// The position of the next append. Just after opening it is only a bound: the bytes below may end in a torn tail or in zeros, and the
    /// opener reads them, finds the last whole frame, and calls <see cref="Cut"/>.
    /// </summary>
    long End { get; }

    /// <summary>First positions of the segments, oldest first; the first is <see cref="Start"/>. A segment begins with a frame.</summary>
    IReadOnlyList<long> Segments { get; }

    /// <summary>The newest snapshot, or null; the caller disposes of it. It was checked: a damaged one is not returned but falls back to the one before, else null.</summary>
    LogSnapshot? Snapshot { get; }

    /// <summary>
    /// What was below was durable when the log was opened, whatever reads back of it: a snapshot was taken there, for that is written when all before it is flushed, and its name stays
    /// where its content is damaged. What is no frame there is no torn tail.
    /// </summary>
    long KnownDurable { get; }

    /// <summary>Drops every byte from <paramref name="position"/> on, durably, so that the next append goes there.</summary>
    ValueTask Cut(long position);

    /// <summary>Writes whole frames at <see cref="End"/>; with <paramref name="flush"/>, returns when they and all before them are durable.</summary>
    /// <param name="frames">Borrowed until the call completes.</param>
    /// <exception cref="LogFullException">No space could be reserved; nothing was written and the log goes on.</exception>
    /// <exception cref="LogFailedException">The medium failed; nothing more is acknowledged from this opening.</exception>
    /// <exception cref="LogFencedException">Another opening took over.</exception>
    ValueTask Append(ReadOnlyMemory<byte> frames, bool flush);

    /// <summary>Returns when everything appended before the call is durable.</summary>
    ValueTask Flush();

    /// <summary>
    /// Reads bytes from <paramref name="position"/> on into <paramref name="destination"/>; may give fewer (a segment's end), 0 only at <see cref="End"/>.
    /// </summary>
    /// <exception cref="LogTrimmedException">The position was removed.</exception>
    ValueTask<int> Read(long position, Memory<byte> destination);

    /// <summary>The next append begins a new segment, so that what is before can be trimmed one day.</summary>
    void Roll();

    /// <summary>Removes whole segments that end at or below <paramref name="position"/>; never the one being written.</summary>
    ValueTask TrimBefore(long position);

    /// <summary>Bytes that are really kept between <see cref="Start"/> and <see cref="End"/>: a gap left by a rewriting takes none.</summary>
    long StoredBytes => End - Start;

    /// <summary>
    /// Begins to write other frames for whole segments, the first of which begins at <paramref name="from"/>; never the one being written. One rewriting at a time.
    /// </summary>
    /// <exception cref="LogTrimmedException">There is no such segment any more.</exception>
    /// <exception cref="NotSupportedException">This storage can't (<see cref="IStorage.CanRewrite"/>).</exception>
    ValueTask<ILogRewriting> Rewrite(long from) => throw new NotSupportedException($"Log {Id}: this storage rewrites no segments.");

    /// <summary>Replaces the snapshot, atomically and durably. Everything below <paramref name="position"/> is already flushed.</summary>
    /// <param name="state">Borrowed until the call completes.</param>
    ValueTask SaveSnapshot(long position, ReadOnlyMemory<byte> state);
}

/// <summary>
/// New content for some segments, beside the old until it is put in its place. The caller takes care that a reader finds whole frames of the log in it and nothing else:
/// the last one is a gap that reaches to the end. Behind what was written, up to that end, zeros are read.
/// </summary>
/// <remarks>Disposing of one that was not put in its place leaves everything as it was.</remarks>
public interface ILogRewriting : IAsyncDisposable
{
    /// <summary>Adds whole frames.</summary>
    /// <exception cref="LogFullException">No space; the log goes on, this rewriting is over.</exception>
    ValueTask Write(ReadOnlyMemory<byte> frames);

    /// <summary>Nothing more is written: returns when the content is durable. Readers still see the old.</summary>
    /// <param name="to">Where the last of the segments ends and another begins. They become one.</param>
    ValueTask Seal(long to);

    /// <summary>Puts the content in its place: whatever happens, the old or the new is there. When it returns, the new is, durably.</summary>
    /// <exception cref="LogTrimmedException">One of the segments was removed meanwhile; nothing changed.</exception>
    ValueTask Place();
}

/// <summary>State at a position: replay goes on from there.</summary>
/// <param name="Owner">What the state's memory goes back to with this; null where it is the collector's.</param>
public sealed record LogSnapshot(long Position, ReadOnlyMemory<byte> State, IDisposable? Owner = null) : IDisposable
{
    public void Dispose() => Owner?.Dispose();
}
