using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>How far a group with an order of its own looks before it hands something out.</summary>
public sealed class ReadAheadTests
{
    /// <summary>24 MB, of which a receive reads 16 MiB: the first chooses from what lies there, the second from all.</summary>
    [Fact]
    public async Task LargeMessagesAreLookedAtOverSeveralReceives()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { Priority = true });
        var body = new byte[200_000];
        for (var i = 0; i < 120; i++)
            await broker.Publish("t", [new Message { Body = body, Priority = i switch { 60 => 8, 119 => 9, _ => null } }]);

        Assert.Equal(60, await Next());
        Assert.Equal(119, await Next());
        Assert.Equal(0, await Next());

        async Task<long> Next() => Assert.Single(await broker.Receive("t", "g", new ReceiveRequest { Max = 1 })).Position.Offset;
    }
}
