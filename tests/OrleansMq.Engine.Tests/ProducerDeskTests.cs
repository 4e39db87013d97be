using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using Xunit;

namespace OrleansMq.Engine.Tests;

/// <summary>Two desks on the same documents, as two silos have them.</summary>
public sealed class ProducerDeskTests
{
    [Fact]
    public async Task AnOlderEpochIsRefusedEverywhereOnceTheNewOneIsAnsweredThoughTimersComeEarly()
    {
        var time = new EarlyTimers();
        var documents = new VolatileStorage().Documents;
        var here = new ProducerDesk(documents, time, TimeSpan.FromSeconds(1));
        var there = new ProducerDesk(documents, time, TimeSpan.FromSeconds(1));
        var old = await here.Open("billing");
        await there.RefuseFenced(new ProducerSequence(old.Id, old.Epoch, 0));

        var now = await here.Open("billing");

        var refused = await Assert.ThrowsAsync<MqException>(async () => await there.RefuseFenced(new ProducerSequence(old.Id, old.Epoch, 1)));
        Assert.Equal(ErrorCodes.ProducerFenced, refused.Code);
        await there.RefuseFenced(new ProducerSequence(now.Id, now.Epoch, 0));
    }

    /// <summary>Every timer comes five milliseconds before its time, as those of a coarse clock may.</summary>
    private sealed class EarlyTimers : TimeProvider
    {
        private static readonly TimeSpan Early = TimeSpan.FromMilliseconds(5);

        private TimeSpan _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now.Ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _now += dueTime > Early ? dueTime - Early : TimeSpan.FromMilliseconds(1);
            return System.CreateTimer(callback, state, TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }
}
