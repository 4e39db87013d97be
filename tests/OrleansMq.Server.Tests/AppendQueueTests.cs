using OrleansMq.Client;
using OrleansMq.Client.Grains;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>Appends that gather while others are under way, before a partition whose answers the test gives.</summary>
public sealed class AppendQueueTests
{
    private const int CallBytes = 100;

    private readonly Calls _calls = new();
    private readonly OneTimer _time = new();
    private readonly AppendQueue _queue;

    public AppendQueueTests() => _queue = new AppendQueue(_calls, CallBytes, _time);

    [Fact]
    public async Task AFewGoAtOnceAndWhatComesMeanwhileGoesAsOneCallWhenOneOfThemEnds()
    {
        var first = Busy();
        Task<AppendResult>[] gathered = [Append(1), Append(2), Append(3)];
        Assert.Equal(AppendQueue.CallsAtOnce, _calls.Made.Count);

        _calls.Made[0].Answer(Done(7));
        await first[0];

        Assert.Equal([1, 2, 3], _calls.Made[^1].Batches);
        _calls.Made[^1].Answer(Done(11), Done(12), Done(13));
        Assert.Equal([11, 12, 13], (await Task.WhenAll(gathered)).Select(result => result.BaseOffset));
    }

    [Fact]
    public async Task OneRefusedBatchRefusesNoOther()
    {
        var first = Busy();
        Task<AppendResult>[] gathered = [Append(1), Append(2), Append(3)];
        _calls.Made[0].Answer(Done(0));
        await first[0];

        _calls.Made[^1].Answer(Done(1), new AppendOutcome(default, new MqError(ErrorCodes.BatchCorrupt, "no")), Done(2));

        Assert.Equal(1, (await gathered[0]).BaseOffset);
        Assert.Equal(ErrorCodes.BatchCorrupt, (await Assert.ThrowsAsync<MqException>(() => gathered[1])).Code);
        Assert.Equal(2, (await gathered[2]).BaseOffset);
    }

    [Fact]
    public void ACallHasNoMoreBytesThanItMay()
    {
        Busy();

        foreach (var number in Enumerable.Range(1, 7))
            _ = Append(number, CallBytes / 3);

        Assert.Equal([[1, 2, 3], [4, 5, 6]], _calls.Gathered);
    }

    [Fact]
    public void ACallHasNoMoreBatchesThanItMay()
    {
        Busy();

        foreach (var number in Enumerable.Range(0, AppendQueue.MaxParts + 1))
            _ = Append(number % 100, 0);

        Assert.Equal([AppendQueue.MaxParts], _calls.Gathered.Select(call => call.Length));
    }

    [Fact]
    public void ABatchOfMoreThanHalfACallGoesAloneAndOvertakesNone()
    {
        Busy();
        _ = Append(1);
        _ = Append(2);

        _ = Append(3, CallBytes / 2 + 1);

        Assert.Equal([[1, 2], [3]], _calls.Made.Skip(AppendQueue.CallsAtOnce).Select(call => call.Batches));
    }

    [Fact]
    public void NothingGathersWhereCallsMayHaveNoBytes()
    {
        var queue = new AppendQueue(_calls, 0, _time);

        foreach (var number in Enumerable.Range(0, 20))
            _ = queue.Append([(byte)number], default);

        Assert.All(_calls.Made, call => Assert.Single(call.Batches));
        Assert.Equal(20, _calls.Made.Count);
    }

    [Fact]
    public void WhatGatheredGoesWhenItsTimeIsOverThoughNoCallEnds()
    {
        Busy();
        _ = Append(1);
        _ = Append(2);
        Assert.Equal(AppendQueue.MaxGathering, _time.Due);

        _time.Fire();

        Assert.Equal([[1, 2]], _calls.Gathered);
        Assert.Null(_time.Due);
    }

    [Fact]
    public void TimeThatWasSetForAFullCallIsGivenAnewToTheNext()
    {
        Busy();
        foreach (var number in Enumerable.Range(1, 4))
            _ = Append(number, CallBytes / 3);
        Assert.Equal([[1, 2, 3]], _calls.Gathered);

        _time.Fire();
        Assert.Single(_calls.Gathered);
        Assert.Equal(AppendQueue.MaxGathering, _time.Due);
        _time.Fire();

        Assert.Equal([[1, 2, 3], [4]], _calls.Gathered);
    }

    [Fact]
    public async Task ACallThatFailsIsMadeAgainForEachThatMayBeRepeated()
    {
        var failover = new Failover(new ClusterBrokerOptions { RetryDelay = TimeSpan.Zero });
        Busy();
        var repeated = Enumerable.Range(1, 2).Select(number => failover.Ask(() => Append(number), Repeat.Freely, default)).ToArray();
        var once = failover.Ask(() => Append(3), Repeat.UnlessItMayHaveHappened, default);
        _time.Fire();
        Assert.Equal([[1, 2, 3]], _calls.Gathered);

        _calls.Made[^1].Fail(new TimeoutException("lost"));
        Assert.Equal(ErrorCodes.OutcomeUnknown, (await Assert.ThrowsAsync<MqException>(() => once)).Code);
        // Each comes back by itself, in an order that nothing promises.
        await BrokerCluster.Until(() =>
        {
            if (_time.Due is not null)
                _time.Fire();
            return _calls.Gathered.Skip(1).Sum(call => call.Length) == 2;
        });
        Assert.Equal([1, 2], _calls.Gathered.Skip(1).SelectMany(call => call).Order());
        foreach (var call in _calls.Made.Skip(AppendQueue.CallsAtOnce + 1))
            call.Answer([.. call.Batches.Select(number => Done(number))]);

        Assert.Equal([1, 2], (await Task.WhenAll(repeated)).Select(result => result.BaseOffset));
    }

    [Fact]
    public async Task AnAnswerThatDoesNotFitLeavesEveryOutcomeUnknown()
    {
        Busy();
        Task<AppendResult>[] gathered = [Append(1), Append(2)];
        _time.Fire();

        _calls.Made[^1].Answer(Done(1));

        foreach (var append in gathered)
            Assert.Equal(ErrorCodes.OutcomeUnknown, (await Assert.ThrowsAsync<MqException>(() => append)).Code);
    }

    [Fact]
    public void AppendsOfOtherLevelsDoNotGoInOneCall()
    {
        var partition = new KnownPartition(null!, new ClusterBrokerOptions());

        Acks?[] levels = [null, Acks.None, Acks.Accepted, Acks.Durable];

        Assert.Equal(levels.Length, levels.Select(partition.Appends).Distinct().Count());
        Assert.Same(partition.Appends(Acks.Durable), partition.Appends(Acks.Durable));
    }

    /// <summary>As many calls are under way as go at once.</summary>
    private Task<AppendResult>[] Busy() => [.. Enumerable.Range(0, AppendQueue.CallsAtOnce).Select(_ => Append(0))];

    private Task<AppendResult> Append(int number, int bytes = 1)
    {
        var batch = new byte[Math.Max(1, bytes)];
        batch[0] = (byte)number;
        return _queue.Append(bytes == 0 ? [] : batch, default);
    }

    private static AppendOutcome Done(long offset) => new(new AppendResult { BaseOffset = offset }, null);

    /// <summary>A call that was made; a batch's first byte names it.</summary>
    private sealed record Call(int[] Batches)
    {
        public TaskCompletionSource<AppendOutcome[]> Outcomes { get; } = new();

        public void Answer(params AppendOutcome[] outcomes) => Outcomes.SetResult(outcomes);

        public void Fail(Exception failure) => Outcomes.SetException(failure);
    }

    private sealed class Calls : IAppendCalls
    {
        private readonly List<Call> _made = [];

        public IReadOnlyList<Call> Made
        {
            get
            {
                lock (_made)
                    return [.. _made];
            }
        }

        /// <summary>Those that gathered.</summary>
        public IEnumerable<int[]> Gathered => Made.Skip(AppendQueue.CallsAtOnce).Select(call => call.Batches);

        public async Task<AppendResult> Append(byte[] batch, AppendTerms terms) => (await Make([batch]).Outcomes.Task)[0].Result;

        public Task<AppendOutcome[]> AppendAll(AppendPart[] parts) => Make([.. parts.Select(part => part.Batch)]).Outcomes.Task;

        private Call Make(byte[][] batches)
        {
            var call = new Call([.. batches.Select(batch => batch.Length == 0 ? 0 : (int)batch[0])]);
            lock (_made)
                _made.Add(call);
            return call;
        }
    }

    /// <summary>A clock with one timer, which the test lets ring.</summary>
    private sealed class OneTimer : TimeProvider, ITimer
    {
        private TimerCallback _ring = _ => { };

        /// <summary>What it is set to; null: it is not set.</summary>
        public TimeSpan? Due { get; private set; }

        public void Fire()
        {
            Due = null;
            _ring(null);
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _ring = callback;
            return this;
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Due = dueTime == Timeout.InfiniteTimeSpan ? null : dueTime;
            return true;
        }

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => default;
    }
}
