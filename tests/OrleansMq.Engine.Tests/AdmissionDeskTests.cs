using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using Xunit;

namespace OrleansMq.Engine.Tests;

/// <summary>The ledger of a topic's admissions while its document can't be written.</summary>
public sealed class AdmissionDeskTests
{
    private readonly FullNowAndThen _documents = new(new VolatileStorage().Documents);
    private readonly User[] _partitions = [new(), new()];

    /// <summary>Found by the simulation: the answer that did not count was asked for again at once, for ever, in one turn of the partition.</summary>
    [Fact]
    public async Task AfterALedgerThatCouldNotBeSavedEveryAnswerCountsAgain()
    {
        var desk = new AdmissionDesk(_documents, Guid.NewGuid(), 2, p => ValueTask.FromResult<IAdmissionPartition>(_partitions[p]));
        await desk.SetCap(2);
        for (var p = 0; p < 2; p++)
            _partitions[p].Admitted = (await desk.Request(p, 0, 1, 2)).Granted;
        _documents.Full = true;
        await Assert.ThrowsAsync<LogFullException>(() => desk.Request(0, 1, 1, 2));
        _documents.Full = false;

        var answer = await desk.Request(1, 1, 1, 2);

        Assert.Equal(1, answer.Granted);
        Assert.True(answer.AsOf > _partitions[1].TakenBackAsOf, $"The answer is of version {answer.AsOf}; what counts is newer than {_partitions[1].TakenBackAsOf}.");
    }

    private sealed class User : IAdmissionPartition
    {
        public long Admitted { get; set; }

        public long TakenBackAsOf { get; private set; }

        public Task<long> TakeBackAdmissions(long asOf)
        {
            TakenBackAsOf = asOf;
            return Task.FromResult(Admitted);
        }
    }

    private sealed class FullNowAndThen(IDocuments documents) : HandedOnDocuments(documents)
    {
        public bool Full { get; set; }

        public override ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion) =>
            Full ? throw new LogFullException("full", null) : base.Put(key, bytes, expectedVersion);
    }
}
