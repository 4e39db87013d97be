using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files;
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
        var storage = new HandedOnStorage(new VolatileStorage(), log => new ClosingLog(log, () => late ??= Second().AsTask()));
        await using var _ = broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage });
        await broker.PutTopic("t", new() { MaxMessages = 1, WhenFull = WhenFull.Wait });
        // So much that a snapshot is saved at the closing.
        await broker.Publish("t", [new Message { Body = new byte[100_000] }]);

        await broker.DeleteTopic("t");

        Assert.NotNull(late);
        var refused = await Assert.ThrowsAsync<MqException>(() => late).WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(ErrorCodes.PartitionUnavailable, refused.Code);

        ValueTask<IReadOnlyList<PublishResult>> Second() => broker!.Publish("t", [Message.OfText("second")], new() { Wait = TimeSpan.FromHours(1) });
    }

    [Theory]
    [InlineData(100, 0)]
    [InlineData(100_000, 1)]
    public async Task ASnapshotIsSavedAtTheClosingOnlyWhereAReplayWouldTakeLonger(int bytes, int saved)
    {
        var saves = 0;
        var storage = new HandedOnStorage(new VolatileStorage(), log => new ClosingLog(log, () => saves++));
        await using (var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage }))
        {
            await broker.PutTopic("t", new());
            await broker.Publish("t", [new Message { Body = new byte[bytes] }]);
        }

        Assert.Equal(saved, saves);
    }

    [Fact]
    public async Task WhatWasDeletedIsGoneThoughItsRoomCantBeGivenBackAnyMore()
    {
        var trims = 0;
        var storage = new HandedOnStorage(new VolatileStorage(), log => new ClosedAtTrim(log, () => trims++));
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, SnapshotBytes = 1 });
        await broker.PutTopic("t", new());

        for (var n = 1; n <= 5; n++)
        {
            await broker.Publish("t", [Message.OfText("gone")]);
            Assert.Equal(n, await broker.DeleteBefore("t", 0, n));
        }

        Assert.True(trims > 0, "Nothing was to be given back.");
        Assert.Equal(5, (await broker.DescribeTopic("t")).Partitions[0].Start);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task APartitionThatIsBeingOpenedIsClosedTooByWhoClosesTheBrokerOrDeletesItsTopic(bool deletes)
    {
        TaskCompletionSource opening = new(), goOn = new();
        var closed = 0;
        var storage = new HandedOnStorage(new VolatileStorage(), log => new ClosedLog(log, () => closed++), opening: _ =>
        {
            opening.TrySetResult();
            return goOn.Task;
        });
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage });
        // It ends with a look into its partition.
        var late = Task.Run(async () => await broker.PutTopic("t", new()));
        await opening.Task.WaitAsync(TimeSpan.FromMinutes(1));

        var ending = Task.Run(async () =>
        {
            if (deletes)
                await broker.DeleteTopic("t");
            else
                await broker.DisposeAsync();
        });
        // Time enough to close what it finds; that it waits can't be seen otherwise.
        await Task.WhenAny(ending, Task.Delay(TimeSpan.FromMilliseconds(200)));
        var (waited, closedBefore) = (!ending.IsCompleted, closed);
        goOn.SetResult();
        await ending.WaitAsync(TimeSpan.FromMinutes(1));

        Assert.True(waited, "It ended while a partition was being opened.");
        Assert.Equal((0, 1), (closedBefore, closed));
        if (await Record.ExceptionAsync(() => late.WaitAsync(TimeSpan.FromMinutes(1))) is { } refused)
            Assert.Equal(ErrorCodes.PartitionUnavailable, Assert.IsType<MqException>(refused).Code);
    }

    [Fact]
    public async Task ClosingGoesOnBehindAPartitionThatCantBeClosed()
    {
        var closed = new List<int>();
        var data = Directory.CreateTempSubdirectory("orleansmq-");
        try
        {
            var storage = new HandedOnStorage(new FileStorage(new FileStorageOptions { Directory = data.FullName }), log => new ClosedLog(log, () =>
            {
                closed.Add(log.Id.Partition);
                if (log.Id.Partition == 0)
                    throw new LogFailedException("It can't be closed.");
            }));
            var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage });
            await broker.PutTopic("t", new() { Partitions = 3 });

            Assert.Equal("It can't be closed.", (await Assert.ThrowsAsync<LogFailedException>(async () => await broker.DisposeAsync())).Message);

            Assert.Equal([0, 1, 2], closed.Order());
            // Nobody has the folder any more.
            await using var again = await EmbeddedBroker.Start(new EmbeddedOptions { Data = data.FullName });
            Assert.Equal(3, (await again.DescribeTopic("t")).Partitions.Count);
        }
        finally
        {
            data.Delete(recursive: true);
        }
    }

    /// <summary>Tells when it is closed.</summary>
    private sealed class ClosedLog(IPartitionLog log, Action closed) : HandedOnLog(log)
    {
        public override ValueTask DisposeAsync()
        {
            closed();
            return base.DisposeAsync();
        }
    }

    /// <summary>It was closed while it was being trimmed.</summary>
    private sealed class ClosedAtTrim(IPartitionLog log, Action trimming) : HandedOnLog(log)
    {
        public override ValueTask TrimBefore(long position)
        {
            trimming();
            throw new ObjectDisposedException("a log");
        }
    }

    /// <summary>Tells when the snapshot of the closing is being saved.</summary>
    private sealed class ClosingLog(IPartitionLog log, Action saving) : HandedOnLog(log)
    {
        public override ValueTask SaveSnapshot(long position, ReadOnlyMemory<byte> state)
        {
            saving();
            return base.SaveSnapshot(position, state);
        }
    }
}
