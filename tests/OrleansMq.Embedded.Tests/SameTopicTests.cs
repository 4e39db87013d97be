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
        await using var watched = new WatchedStorage(_storage, key => key == "topics/t" && waiting is null ? Early() : Task.CompletedTask);
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

    /// <summary>Storage that tells when a document has been written, before the writer hears of it.</summary>
    private sealed class WatchedStorage(IStorage storage, Func<string, Task> written) : IStorage
    {
        public IDocuments Documents { get; } = new WatchedDocuments(storage.Documents, written);

        public ValueTask CreateLog(LogId id, LogDefinition definition) => storage.CreateLog(id, definition);

        public ValueTask<IPartitionLog> OpenLog(LogId id) => storage.OpenLog(id);

        public ValueTask DeleteLog(LogId id) => storage.DeleteLog(id);

        public ValueTask DisposeAsync() => storage.DisposeAsync();
    }

    private sealed class WatchedDocuments(IDocuments documents, Func<string, Task> written) : IDocuments
    {
        public ValueTask<Document?> Get(string key) => documents.Get(key);

        public async ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion)
        {
            var version = await documents.Put(key, bytes, expectedVersion);
            await written(key);
            return version;
        }

        public ValueTask Delete(string key, long expectedVersion) => documents.Delete(key, expectedVersion);
    }
}
