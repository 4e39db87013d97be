namespace OrleansMq.Access;

/// <summary>How much a tenant has stored and delayed, as last measured, and what came since through this node. Thread-safe.</summary>
internal sealed class TenantUse
{
    /// <summary>It is measured anew, beside what comes, when something comes and the last time is so long ago.</summary>
    public static readonly TimeSpan MeasureEvery = TimeSpan.FromSeconds(5);

    /// <summary>The same where a quota is reached, and is waited for then: somebody may have made room.</summary>
    public static readonly TimeSpan MeasureAgainEvery = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _turn = new(1);
    private Measured? _measured;
    private long _storedSince;
    private long _delayedSince;

    private sealed record Measured(IReadOnlyDictionary<TopicName, Use> Topics, long At)
    {
        public Use All { get; } = new(Topics.Values.Sum(topic => topic.Stored), Topics.Values.Sum(topic => topic.Delayed));
    }

    /// <summary>What a topic had when it was last measured.</summary>
    public Use LastOf(TopicName topic) => Volatile.Read(ref _measured)?.Topics.GetValueOrDefault(topic) ?? default;

    /// <summary>Too much by what was refused, trimmed or delivered since; too little by what was on its way while it was measured.</summary>
    public Use Now => (Volatile.Read(ref _measured)?.All ?? default) + new Use(Interlocked.Read(ref _storedSince), Interlocked.Read(ref _delayedSince));

    public void Add(Use more)
    {
        Interlocked.Add(ref _storedSince, more.Stored);
        Interlocked.Add(ref _delayedSince, more.Delayed);
    }

    /// <summary>Measures where the last time is longer ago; one at a time.</summary>
    /// <param name="wait">Whether the caller has to know it; else it goes on with what was known before. Where nothing was, it waits in any case.</param>
    public async ValueTask Refresh(TimeSpan every, bool wait, TimeProvider time, Func<ValueTask<IReadOnlyDictionary<TopicName, Use>>> measure)
    {
        if (!IsOld())
            return;
        if (wait || Volatile.Read(ref _measured) is null)
            await _turn.WaitAsync();
        else if (!_turn.Wait(0))
            return;
        var measuring = InTurn();
        if (wait || Volatile.Read(ref _measured) is null)
            await measuring;
        else
            _ = Unasked(measuring);

        bool IsOld() => Volatile.Read(ref _measured) is not { } last || time.GetElapsedTime(last.At) >= every;

        async Task InTurn()
        {
            try
            {
                if (!IsOld())
                    return;
                var before = new Use(Interlocked.Read(ref _storedSince), Interlocked.Read(ref _delayedSince));
                var topics = await measure();
                Add(new(-before.Stored, -before.Delayed));
                Volatile.Write(ref _measured, new Measured(topics, time.GetTimestamp()));
            }
            finally
            {
                _turn.Release();
            }
        }
    }

    private static async Task Unasked(Task measuring)
    {
        try
        {
            await measuring;
        }
        catch (MqException)
        {
            // The topics could not be listed: whoever comes next begins anew.
        }
    }
}

/// <param name="Stored">Bytes.</param>
/// <param name="Delayed">Messages.</param>
internal readonly record struct Use(long Stored, long Delayed)
{
    public static Use operator +(Use one, Use other) => new(one.Stored + other.Stored, one.Delayed + other.Delayed);
}
