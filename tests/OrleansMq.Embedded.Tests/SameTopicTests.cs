using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>A topic is loaded once, whoever asks for it and when: two of it would open its logs in turn, and each opening ends the other's.</summary>
public sealed class SameTopicTests
{
    private readonly VolatileStorage _storage = new();

    [Fact]
    public async Task WhoFindsATopicWhileItIsBeingMadeHasTheSameTopic()
    {
        Task<IReadOnlyList<Delivery>>? waiting = null;
        EmbeddedBroker? broker = null;
        await using var watched = new HandedOnStorage(_storage, documents: new WatchedDocuments(_storage.Documents, key => key == "topics/t" && waiting is null ? Early() : Task.CompletedTask));
        await using var _ = broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = watched });

        await broker.PutTopic("t", new());
        await broker.Publish("t", [Message.OfText("for whoever waits")]);

        Assert.Equal("for whoever waits", Assert.Single(await waiting!).BodyText);
        Assert.All((await broker.DescribeTopic("t")).Partitions, partition => Assert.Null(partition.Error));

        // The document is written, and the call that made the topic is not over.
        async Task Early()
        {
            waiting = Task.FromResult<IReadOnlyList<Delivery>>([]);
            await broker!.PutGroup("t", "g", new());
            waiting = broker.Receive("t", "g", new() { Wait = TimeSpan.FromSeconds(20) }).AsTask();
        }
    }

    /// <summary>Tells when a document has been written, before the writer hears of it.</summary>
    private sealed class WatchedDocuments(IDocuments documents, Func<string, Task> written) : HandedOnDocuments(documents)
    {
        public override async ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion)
        {
            var version = await base.Put(key, bytes, expectedVersion);
            await written(key);
            return version;
        }
    }
}
