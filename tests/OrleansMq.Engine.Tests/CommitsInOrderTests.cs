using OrleansMq.Conformance;
using OrleansMq.Engine.Groups;
using Xunit;

namespace OrleansMq.Engine.Tests;

/// <summary>A commit that is tried again does not come behind a later one; and whose transaction is over moves nothing.</summary>
public sealed class CommitsInOrderTests
{
    private readonly List<(GroupOffset Offset, TaskCompletionSource<MqError?> Answer)> _sent = [];
    private readonly CommitsInOrder _commits;

    public CommitsInOrderTests() => _commits = new CommitsInOrder(offset =>
    {
        var answer = new TaskCompletionSource<MqError?>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_sent)
            _sent.Add((offset, answer));
        return answer.Task;
    });

    [Fact]
    public async Task OneCommitOfAPositionIsUnderWayAtATime()
    {
        var first = _commits.Add(At(0, 100));
        var second = _commits.Add(At(0, 200));
        var elsewhere = _commits.Add(At(1, 7));
        Assert.Equal([100, 7], Sent());

        Answer(0, null);
        Assert.Null(await first);
        await AreSent(3);
        Assert.False(second.IsCompleted);
        Answer(2, null);
        Answer(1, null);

        Assert.Null(await second);
        Assert.Null(await elsewhere);
        Assert.Equal([100, 7, 200], Sent());
    }

    [Fact]
    public async Task OfThoseThatWaitOnlyTheLastIsSentAndItsAnswerIsTheirs()
    {
        var away = new MqError(ErrorCodes.PartitionUnavailable, "");
        var first = _commits.Add(At(0, 1));
        Task<MqError?>[] waiting = [.. Enumerable.Range(2, 50).Select(offset => _commits.Add(At(0, offset)))];

        Answer(0, null);
        await first;
        await AreSent(2);
        Answer(1, away);

        Assert.All(await Task.WhenAll(waiting), error => Assert.Equal(away, error));
        Assert.Equal([1, 51], Sent());
    }

    [Fact]
    public async Task OneThatNamesNoPlaceInTheLogRefusesNoneBeforeIt()
    {
        var first = _commits.Add(At(0, 1));
        var good = _commits.Add(At(0, 2));
        var beyond = _commits.Add(At(0, 1_000_000));

        Answer(0, null);
        await AreSent(2);
        Answer(1, new MqError(ErrorCodes.OffsetOutOfRange, ""));
        await AreSent(3);
        Answer(2, null);

        Assert.Null(await first);
        Assert.Equal(ErrorCodes.OffsetOutOfRange, (await beyond)?.Code);
        Assert.Null(await good);
        Assert.Equal([1, 1_000_000, 2], Sent());
    }

    [Fact]
    public async Task AFaultIsToldToAllWhoWaitAndThePositionGoesOn()
    {
        var first = _commits.Add(At(0, 1));
        var second = _commits.Add(At(0, 2));

        _sent[0].Answer.SetException(new InvalidOperationException());
        await Assert.ThrowsAsync<InvalidOperationException>(() => first);
        await AreSent(2);
        Answer(1, null);

        Assert.Null(await second);
    }

    [Fact]
    public void AnEarlierDecisionOfAnIdIsOverAndAnotherLifeOfItIsNot()
    {
        var terms = new DecidedTerms();

        Assert.True(terms.Take(new DecidedTerm("a", 1, 5)));
        Assert.True(terms.Take(new DecidedTerm("a", 1, 5)));
        Assert.True(terms.Take(new DecidedTerm("a", 1, 9)));
        Assert.False(terms.Take(new DecidedTerm("a", 1, 5)));
        Assert.True(terms.Take(new DecidedTerm("b", 1, 5)));
        Assert.True(terms.Take(new DecidedTerm("a", 2, 3)));
    }

    [Fact]
    public void ADecisionThatIsCarriedOutIsOverToo()
    {
        var terms = new DecidedTerms();
        terms.Take(new DecidedTerm("a", 1, 5));
        terms.Done(new DecidedTerm("a", 1, 4));
        Assert.True(terms.Take(new DecidedTerm("a", 1, 5)));

        terms.Done(new DecidedTerm("a", 1, 5));

        Assert.False(terms.Take(new DecidedTerm("a", 1, 5)));
        Assert.True(terms.Take(new DecidedTerm("a", 1, 9)));
    }

    [Fact]
    public void SoManyIdsAreKnownAtOnce()
    {
        var terms = new DecidedTerms();
        for (var i = 0; i < DecidedTerms.MaxIds; i++)
            terms.Take(new DecidedTerm($"{i}", 1, 2));
        Assert.False(terms.Take(new DecidedTerm("0", 1, 1)));

        Assert.True(terms.Take(new DecidedTerm("one more", 1, 2)));

        Assert.True(terms.Take(new DecidedTerm("0", 1, 1)));
    }

    private static GroupOffset At(int partition, long offset) => new("t", partition, offset, "");

    private void Answer(int sent, MqError? error) => _sent[sent].Answer.SetResult(error);

    private List<long> Sent()
    {
        lock (_sent)
            return [.. _sent.Select(sent => sent.Offset.Offset)];
    }

    private Task AreSent(int sent) => Eventually.Holds(() => Sent().Count == sent);
}
