using OrleansMq.Conformance;
using OrleansMq.Conformance.Broker;
using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Transactions;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>Transactional ids while the storage of their documents is away.</summary>
public sealed class TransactionStorageTests
{
    private static readonly TransactionPartition Partition = new("t", 0);

    private readonly ManualTime _time = new();
    private readonly AwayDocuments _documents = new();
    private readonly ObedientParts _parts = new();

    [Fact]
    public void WhatWasDecidedIsCarriedOutThoughTheStorageIsAwayForAWhileAndNobodyAsks() => StoryThread.Run(async () =>
    {
        await using var transactions = Coordinator();
        var producer = await transactions.Open("etl", TimeSpan.FromMinutes(15));
        await transactions.AddPartitions("etl", producer, [Partition]);

        // The decision is stored, and nobody learns of it.
        _documents.AwayAfterNextPut = true;
        await Assert.ThrowsAsync<MqException>(async () => await transactions.End("etl", producer, commit: true, newEpoch: true));
        await _time.Pass(TimeSpan.FromSeconds(3));
        Assert.Empty(_parts.Ended);
        _documents.IsAway = false;
        await _time.Pass(TimeSpan.FromSeconds(1));

        Assert.Equal([(Partition, producer, TransactionOutcome.Commit)], _parts.Ended.Select(end => (end.Partition, end.Producer, end.Outcome)));
        Assert.Equal(TransactionPhase.Empty, Assert.Single((await transactions.List()).Items).Phase);
    });

    [Fact]
    public void WhatIsPendingInAGroupIsNotKnownBeforeWhatMayHoldItIsReadAgain() => StoryThread.Run(async () =>
    {
        await using var transactions = Coordinator();
        var producer = await transactions.Open("etl", TimeSpan.FromMinutes(15));
        await transactions.AddOffsets("etl", producer, "g", null, [new GroupOffset("t", 0, 1)]);

        _documents.AwayAfterNextPut = true;
        await Assert.ThrowsAsync<MqException>(async () => await transactions.End("etl", producer, commit: true, newEpoch: true));

        Assert.Equal(ErrorCodes.PartitionUnavailable, (await Assert.ThrowsAsync<MqException>(async () => await transactions.Pending("g"))).Code);
        _documents.IsAway = false;
        Assert.Equal([Partition], await transactions.Pending("g"));
        await _time.Pass(TimeSpan.FromSeconds(1));
        Assert.Empty(await transactions.Pending("g"));
    });

    [Theory]
    [InlineData("transactions/")]
    [InlineData(TransactionCoordinator.NamesPrefix)]
    public void WhatIsPendingInAGroupIsNotKnownBeforeWhatTheStartCouldNotReadIsRead(string unread) => StoryThread.Run(async () =>
    {
        await using (var before = Coordinator())
            await before.AddOffsets("etl", await before.Open("etl", TimeSpan.FromMinutes(15)), "g", null, [new GroupOffset("t", 0, 1)]);
        _documents.AwayFor = unread;
        await using var transactions = Coordinator();
        await transactions.Recover();

        Assert.Equal(ErrorCodes.PartitionUnavailable, (await Assert.ThrowsAsync<MqException>(async () => await transactions.Pending("g"))).Code);
        _documents.AwayFor = null;
        Assert.Equal([Partition], await transactions.Pending("g"));
    });

    /// <summary>The simulation had it on a shared volume (seed 1554): one that was replaced opened an input's partition for half a second, and moved its cursor back.</summary>
    [Fact]
    public void WhoWasReplacedWhileItOpenedThePartitionsMovesNoCursor() => StoryThread.Run(async () =>
    {
        await using var transactions = Coordinator();
        var producer = await transactions.Open("etl", TimeSpan.FromMinutes(15));
        await transactions.AddOffsets("etl", producer, "g", null, [new GroupOffset("t", 0, 1)]);
        _parts.OpeningCursors = async () =>
        {
            _parts.OpeningCursors = null;
            await using var other = Coordinator();
            await other.Open("etl", TimeSpan.FromMinutes(15));
            _parts.Moved.Clear();
        };

        Assert.Equal(ErrorCodes.OutcomeUnknown, (await Assert.ThrowsAsync<MqException>(async () => await transactions.End("etl", producer, commit: true, newEpoch: true))).Code);

        Assert.Empty(_parts.Moved);
    });

    [Fact]
    public void AnIdThatIsOpenedWhileLapsedOnesAreForgottenStaysNamed() => StoryThread.Run(async () =>
    {
        await using var transactions = Coordinator();
        _parts.Opening = async () => await transactions.DropLapsed();

        await transactions.Open("etl", TimeSpan.FromMinutes(1));

        Assert.Equal("etl", Assert.Single((await transactions.List()).Items).Id);
    });

    [Fact]
    public void WhatALateCallOpenedInAnEarlierLifeOfTheIdIsEndedWhateverItsTerm() => StoryThread.Run(async () =>
    {
        await using var transactions = Coordinator();
        var now = await transactions.Open("etl", TimeSpan.FromMinutes(1));
        var earlier = new ProducerIdentity(now.Id + 1, 3);

        await transactions.Overdue("etl", Partition, earlier);
        await transactions.Overdue("etl", Partition, now);

        Assert.Equal([(earlier, long.MaxValue), (now, 1L)], _parts.Ended.Select(end => (end.Producer, end.Term)));
    });

    [Fact]
    public void ACloseDoesNotMindAnIdThatCanNotBeReadJustThen() => StoryThread.Run(async () =>
    {
        var transactions = Coordinator();
        await transactions.Open("etl", TimeSpan.FromMinutes(1));
        _documents.Reading = new TaskCompletionSource();
        var asked = transactions.Load("other").AsTask();

        var closing = transactions.DisposeAsync().AsTask();
        _documents.Reading.SetException(new LogFailedException("The storage is away."));

        await closing;
        await Assert.ThrowsAsync<LogFailedException>(() => asked);
        Assert.Equal(0, _time.ArmedTimers);
    });

    [Fact]
    public void WhatTheStartCouldNotReadIsEndedWhenItsTimeIsOverThoughNobodyUsesTheId() => StoryThread.Run(async () =>
    {
        var storage = new HandedOnStorage(new VolatileStorage(), documents: _documents);
        await using (var before = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = _time }))
        {
            await before.PutTopic("t", new TopicChange());
            await (await ProducerOfTransactions.Open(before, "etl", TimeSpan.FromSeconds(30))).Append("t", "hanging");
            await before.Publish("t", [Message.OfText("after")]);
        }

        _documents.AwayFor = "transactions/";
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = _time });
        Assert.Empty(await broker.ReadAll("t"));
        await _time.Pass(TimeSpan.FromSeconds(33));
        Assert.Empty(await broker.ReadAll("t"));
        _documents.AwayFor = null;
        await _time.Pass(TimeSpan.FromSeconds(10));

        Assert.Equal(["after"], (await broker.ReadAll("t")).Select(message => message.BodyText));
    });

    private TransactionCoordinator Coordinator() => new(_documents, _parts, _time, _ => { });

    /// <summary>Documents that can't be reached at times.</summary>
    private sealed class AwayDocuments : IDocuments
    {
        private readonly IDocuments _stored = new VolatileStorage().Documents;

        public bool IsAway { get; set; }

        /// <summary>Documents whose keys begin so can't be read.</summary>
        public string? AwayFor { get; set; }

        /// <summary>What is written next is stored, but the answer is lost, and nothing can be reached from then on.</summary>
        public bool AwayAfterNextPut { get; set; }

        /// <summary>What reading waits for.</summary>
        public TaskCompletionSource? Reading { get; set; }

        public async ValueTask<Document?> Get(string key)
        {
            if (Reading is { } reading)
                await reading.Task;
            return AwayFor is { } away && key.StartsWith(away, StringComparison.Ordinal) ? throw new LogFailedException("The storage is away.") : await Reached().Get(key);
        }

        public async ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion)
        {
            var version = await Reached().Put(key, bytes, expectedVersion);
            (IsAway, AwayAfterNextPut) = (IsAway || AwayAfterNextPut, false);
            Reached();
            return version;
        }

        public ValueTask Delete(string key, long expectedVersion) => Reached().Delete(key, expectedVersion);

        private IDocuments Reached() => IsAway ? throw new LogFailedException("The storage is away.") : _stored;
    }
}
