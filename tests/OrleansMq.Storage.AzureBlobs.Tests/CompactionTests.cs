using OrleansMq.Engine.Partitions;
using OrleansMq.Storage.AzureBlobs.Tests.Azurite;

namespace OrleansMq.Storage.AzureBlobs.Tests;

/// <summary>A compacted topic over blobs: space is given back, and who takes the log over finds each key's last message where it was.</summary>
[Collection(AzuriteTests.Name)]
public sealed class CompactionTests(AzuriteServer azurite)
{
    private const int Rounds = 60;
    private const int Keys = 5;

    private readonly string _container = AzuriteServer.NewContainer();

    [Fact]
    public async Task EachKeysLastMessageStaysAlsoForWhoTakesTheLogOver()
    {
        await using var left = await Start();
        await left.PutTopic("t", new() { Compact = true });
        for (var round = 0; round < Rounds; round++)
            await left.Publish("t", [.. Enumerable.Range(0, Keys).Select(key => Message.OfText($"{round} {new string('x', 30)}", $"k{key}"))]);
        var before = (await left.DescribeTopic("t")).Partitions[0];

        List<StoredMessage> read;
        for (var looks = 0; (read = await left.ReadAll("t")).Count > Rounds * Keys / 2; looks++)
        {
            Assert.True(looks < 600, $"After a minute {read.Count} messages are there.");
            await Task.Delay(100);
            // What is written lately stays as it is. Where maintenance came round only now that is all, until something comes behind it.
            await left.Publish("t", [Message.OfText("behind it", "behind")]);
        }

        var after = (await left.DescribeTopic("t")).Partitions[0];
        Assert.True(after.Bytes < before.Bytes);
        // As after a crash: the first one does not know yet.
        await using var taken = await Start();
        var again = await taken.ReadAll("t");
        for (var key = 0; key < Keys; key++)
            Assert.Equal(((Rounds - 1) * Keys + key, $"{Rounds - 1} {new string('x', 30)}"), ((int)again.Last(message => message.KeyText == $"k{key}").Position.Offset, again.Last(message => message.KeyText == $"k{key}").BodyText));
        Assert.Equal(after.End, (await taken.Publish("t", [Message.OfText("more", "k0")]))[0].Position.Offset);
    }

    private async Task<EmbeddedBroker> Start() => await EmbeddedBroker.Start(new EmbeddedOptions
    {
        Storage = await BlobStorage.Start(azurite.Options(_container)),
        MaintenanceInterval = TimeSpan.FromMilliseconds(50),
        Compaction = new CompactionOptions { DirtyBytes = 2048, DirtyRatio = 0 },
    });
}
