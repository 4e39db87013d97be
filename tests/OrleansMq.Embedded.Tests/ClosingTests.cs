using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>Whoever comes while a partition closes has an answer.</summary>
public sealed class ClosingTests
{
    [Fact]
    public async Task WhoComesForRoomWhileAFullTopicIsDeletedIsToldThatItIsGone()
    {
        Task<IReadOnlyList<PublishResult>>? late = null;
        EmbeddedBroker? broker = null;
        var storage = new ClosingStorage(new VolatileStorage(), () => late ??= Second().AsTask());
        await using var _ = broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage });
        await broker.PutTopic("t", new() { MaxMessages = 1, WhenFull = WhenFull.Wait });
        await broker.Publish("t", [Message.OfText("first")]);

        await broker.DeleteTopic("t");

        Assert.NotNull(late);
        var refused = await Assert.ThrowsAsync<MqException>(() => late).WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(ErrorCodes.PartitionUnavailable, refused.Code);

        ValueTask<IReadOnlyList<PublishResult>> Second() => broker!.Publish("t", [Message.OfText("second")], new() { Wait = TimeSpan.FromHours(1) });
    }

    /// <summary>Storage whose logs tell when the snapshot of the closing is being saved.</summary>
    private sealed class ClosingStorage(IStorage storage, Action saving) : IStorage
    {
        public IDocuments Documents => storage.Documents;

        public ValueTask CreateLog(LogId id, LogDefinition definition) => storage.CreateLog(id, definition);

        public async ValueTask<IPartitionLog> OpenLog(LogId id) => new ClosingLog(await storage.OpenLog(id), saving);

        public ValueTask DeleteLog(LogId id) => storage.DeleteLog(id);

        public ValueTask DisposeAsync() => storage.DisposeAsync();
    }

    private sealed class ClosingLog(IPartitionLog log, Action saving) : IPartitionLog
    {
        public LogId Id => log.Id;

        public ulong Incarnation => log.Incarnation;

        public int Epoch => log.Epoch;

        public long Start => log.Start;

        public long End => log.End;

        public IReadOnlyList<long> Segments => log.Segments;

        public LogSnapshot? Snapshot => log.Snapshot;

        public ValueTask Cut(long position) => log.Cut(position);

        public ValueTask Append(ReadOnlyMemory<byte> frames, bool flush) => log.Append(frames, flush);

        public ValueTask Flush() => log.Flush();

        public ValueTask<int> Read(long position, Memory<byte> destination) => log.Read(position, destination);

        public void Roll() => log.Roll();

        public ValueTask TrimBefore(long position) => log.TrimBefore(position);

        public ValueTask SaveSnapshot(long position, ReadOnlyMemory<byte> state)
        {
            saving();
            return log.SaveSnapshot(position, state);
        }

        public ValueTask DisposeAsync() => log.DisposeAsync();
    }
}
