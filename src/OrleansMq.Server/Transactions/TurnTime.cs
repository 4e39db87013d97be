namespace OrleansMq.Server.Transactions;

/// <summary>A clock whose timers come back in the turns of an activation, where its state may be written.</summary>
internal sealed class TurnTime(TimeProvider time, TaskScheduler turns) : TimeProvider
{
    public override TimeZoneInfo LocalTimeZone => time.LocalTimeZone;

    public override long TimestampFrequency => time.TimestampFrequency;

    public override long GetTimestamp() => time.GetTimestamp();

    public override DateTimeOffset GetUtcNow() => time.GetUtcNow();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        time.CreateTimer(_ => new Task(() => callback(state)).Start(turns), null, dueTime, period);
}
