using OrleansMq.Conformance;
using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>Dead letters are moved in batches that have a bound in bytes.</summary>
public sealed class LargeLettersTests
{
    private const int Messages = 12;
    private const int Size = 500_000;

    private readonly ManualTime _time = new();
    private int _largest;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TheyGoAndComeBackInParts(bool exhausted) => StoryThread.Run(async () =>
    {
        var storage = new HandedOnStorage(new VolatileStorage(), log => new MeasuredLog(log, this));
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = _time });
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { MaxDeliveries = exhausted ? 1 : 5, Lease = TimeSpan.FromSeconds(10) });
        for (var i = 0; i < Messages; i++)
            await broker.Publish("t", [new Message { Body = new byte[Size] }]);
        var received = await broker.Receive("t", "g", new() { Max = Messages });
        _largest = 0;

        if (exhausted)
            await _time.Pass(TimeSpan.FromSeconds(20));
        else
            Assert.All(await broker.Settle("t", "g", Settlement.DeadLetter([.. received.Select(each => each.Lease)], "test")), result => Assert.Null(result.Code));

        Assert.Equal(Messages, (await broker.DescribeGroup("t", "g")).Partitions[0].DeadLetters);
        Assert.Equal(Messages, await broker.Redrive("t", "g", DeadLetterSelection.All));
        Assert.Equal(Messages, (await broker.Receive("t", "g", new() { Max = Messages })).Count);
        Assert.InRange(_largest, Size, 4 * Size);
    });

    private sealed class MeasuredLog(IPartitionLog log, LargeLettersTests story) : HandedOnLog(log)
    {
        public override ValueTask Append(ReadOnlyMemory<byte> frames, bool flush)
        {
            story._largest = Math.Max(story._largest, frames.Length);
            return base.Append(frames, flush);
        }
    }
}
