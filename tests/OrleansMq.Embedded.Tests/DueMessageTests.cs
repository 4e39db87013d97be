using OrleansMq.Conformance;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>What comes due is given to who waits, whoever asks something in the same moment.</summary>
public sealed class DueMessageTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void ALookAtTheGroupInTheMomentInWhichAMessageComesDueDoesNotHideIt() => StoryThread.Run(async () =>
    {
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = new VolatileStorage(), Time = _time });
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { Backoff = (TimeSpan[])[TimeSpan.FromSeconds(1)] });
        await broker.Publish("t", [Message.OfText("a")]);
        var first = Assert.Single(await broker.Receive("t", "g", new()));
        Task<GroupDescription>? looked = null;
        // Set before the partition's own for the same moment, it fires first.
        await using var timer = _time.CreateTimer(_ => looked = broker.DescribeGroup("t", "g").AsTask(), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);

        await broker.Settle("t", "g", Settlement.Refuse([first.Lease]));
        var waiting = broker.Receive("t", "g", new() { Wait = TimeSpan.FromMinutes(1) }).AsTask();
        await _time.Pass(TimeSpan.FromSeconds(2));

        Assert.NotNull(looked);
        Assert.True(waiting.IsCompleted);
        Assert.Equal("a", Assert.Single(await waiting).BodyText);
    });
}
