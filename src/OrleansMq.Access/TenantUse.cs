namespace OrleansMq.Access;

/// <summary>How much a tenant has stored and delayed, as last measured, and what came since through this node. Thread-safe.</summary>
internal sealed class TenantUse
{
    /// <summary>It is measured anew when something comes and the last time is so long ago.</summary>
    public static readonly TimeSpan MeasureEvery = TimeSpan.FromSeconds(5);

    /// <summary>The same where a quota is reached: somebody may have made room.</summary>
    public static readonly TimeSpan MeasureAgainEvery = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _turn = new(1);
    private Measured? _measured;
    private long _storedSince;

    private sealed record Measured(long Stored, long Delayed, IReadOnlyDictionary<TopicName, (long Stored, long Delayed)> Topics, long At);

    /// <summary>What a topic had when it was last measured.</summary>
    public (long Stored, long Delayed) LastOf(TopicName topic) => Volatile.Read(ref _measured)?.Topics.GetValueOrDefault(topic) ?? default;

    /// <summary>Bytes; not less than there were, and more by what was refused or trimmed since.</summary>
    public long Stored => (_measured?.Stored ?? 0) + Interlocked.Read(ref _storedSince);

    public long Delayed => _measured?.Delayed ?? 0;

    public void Add(long bytes) => Interlocked.Add(ref _storedSince, bytes);

    /// <summary>Measures where the last time is longer ago. Others wait for it: who asks has nothing newer.</summary>
    public async ValueTask Refresh(TimeSpan every, TimeProvider time, Func<ValueTask<Dictionary<TopicName, (long Stored, long Delayed)>>> measure, CancellationToken cancel)
    {
        if (!IsOld())
            return;
        await _turn.WaitAsync(cancel);
        try
        {
            if (!IsOld())
                return;
            // What comes while it is measured counts twice until the next time.
            var before = Interlocked.Read(ref _storedSince);
            var topics = await measure();
            Interlocked.Add(ref _storedSince, -before);
            Volatile.Write(ref _measured, new Measured(topics.Values.Sum(topic => topic.Stored), topics.Values.Sum(topic => topic.Delayed), topics, time.GetTimestamp()));
        }
        finally
        {
            _turn.Release();
        }

        bool IsOld() => Volatile.Read(ref _measured) is not { } last || time.GetElapsedTime(last.At) >= every;
    }
}
