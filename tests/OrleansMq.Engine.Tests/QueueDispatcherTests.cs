using System.Reflection;
using OrleansMq.Conformance;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Cursors;
using OrleansMq.Engine.Groups;
using Xunit;

namespace OrleansMq.Engine.Tests;

/// <summary>Receiving from partitions of which some don't answer, and answers that were let go.</summary>
public sealed class QueueDispatcherTests
{
    private readonly ManualTime _time = new();

    [Theory]
    [InlineData(ErrorCodes.OutcomeUnknown)]
    [InlineData(ErrorCodes.PartitionUnavailable)]
    [InlineData(ErrorCodes.Overloaded)]
    [InlineData(ErrorCodes.GroupUnknown)]
    public async Task WhatOthersGaveGoesOutThoughAPartitionDoesNotAnswer(string failure)
    {
        var queue = Queue(Partition((_, _) => [Message(0)]), Partition((_, _) => throw new MqException(failure, "No answer came.")));

        Assert.Equal(0, Assert.Single(await queue.Receive(new ReceiveRequest { Max = 10 }, default)).Position.Partition);
    }

    [Fact]
    public async Task WhereNobodyGaveAnythingItIsSaidThatTheOutcomeIsUnknown()
    {
        var queue = Queue(Partition((_, _) => []), Partition((_, _) => throw new MqException(ErrorCodes.OutcomeUnknown, "No answer came.")));

        var failure = await Assert.ThrowsAsync<MqException>(async () => await queue.Receive(new ReceiveRequest { Max = 10 }, default));

        Assert.Equal(ErrorCodes.OutcomeUnknown, failure.Code);
    }

    [Fact]
    public async Task WhatWasHiddenByWhatOthersGaveIsToldWhereNothingIsThere()
    {
        Delivery[] there = [Message(0)];
        var queue = Queue(Partition((_, _) => there), Partition((_, _) => throw new MqException(ErrorCodes.Overloaded, "Too much.")));
        await queue.Receive(new ReceiveRequest { Max = 10 }, default);
        there = [];

        var failure = await Assert.ThrowsAsync<MqException>(async () => await queue.Receive(new ReceiveRequest { Max = 10 }, default));

        Assert.Equal(ErrorCodes.Overloaded, failure.Code);
    }

    [Theory]
    [InlineData(ErrorCodes.OutcomeUnknown)]
    [InlineData(ErrorCodes.Overloaded)]
    public async Task OfMessagesSetAsideTooWhatOthersGaveGoesOut(string failure)
    {
        var queue = Queue(Partition((_, _) => [Message(0)]), Partition((_, _) => throw new MqException(failure, "No answer came.")));

        var given = await queue.Receive(new ReceiveRequest { Deferred = [new Position(0, 0), new Position(1, 0)] }, default);

        Assert.Single(given);
    }

    [Fact]
    public async Task AnAnswerThatWasLetGoIsGivenAgainByThePartitionsThatGaveIt()
    {
        var calls = new List<string>();
        var queue = Queue(Partition((call, _) =>
        {
            calls.Add(call);
            return [Message(0, (int)RememberedRequests.MaxBytes)];
        }));
        var request = new ReceiveRequest { Consumer = "c", RequestId = "r", Max = 1 };
        await queue.Receive(request, default);

        Assert.Single(await queue.Receive(request, default));

        Assert.Equal([nameof(IGroupPartition.Receive), nameof(IGroupPartition.ReceiveAgain)], calls);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhatAPartitionLeasedThatDidNotAnswerIsGivenWhenTheRequestComesAgain(bool aside)
    {
        var calls = new List<string>();
        var queue = Queue(Partition((call, _) =>
        {
            calls.Add(call);
            return call == nameof(IGroupPartition.ReceiveAgain) ? [Message(0)] : throw new MqException(ErrorCodes.OutcomeUnknown, "No answer came.");
        }));
        var request = new ReceiveRequest { Consumer = "c", RequestId = "r", Max = 1, Deferred = aside ? [new Position(0, 0)] : [] };
        await Assert.ThrowsAsync<MqException>(async () => await queue.Receive(request, default));

        Assert.Single(await queue.Receive(request, default));

        Assert.Equal([aside ? nameof(IGroupPartition.ReceiveDeferred) : nameof(IGroupPartition.Receive), nameof(IGroupPartition.ReceiveAgain)], calls);
    }

    [Fact]
    public async Task APartitionThatIsSilentAboutEarlierRequestsIsLeftAloneForAWhile()
    {
        var asked = 0;
        var queue = Queue(Partition((_, _) => [Message(0)]), Partition((_, _) => [], () =>
        {
            asked++;
            throw new MqException(ErrorCodes.OutcomeUnknown, "No answer came.");
        }));

        foreach (var id in new[] { "a", "b" })
            Assert.Single(await queue.Receive(new ReceiveRequest { Consumer = "c", RequestId = id }, default));
        Assert.Equal(1, asked);

        _time.Advance(EarlierRequests.SilentFor);
        Assert.Single(await queue.Receive(new ReceiveRequest { Consumer = "c", RequestId = "d" }, default));
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task WhereAnEarlierAnswerLiesIsKnownUntilItWasGiven()
    {
        var (calls, away) = (new List<string>(), true);
        var request = new ReceiveRequest { Consumer = "c", RequestId = "r", Max = 1 };
        var queue = Queue(Partition(
            (call, _) =>
            {
                calls.Add(call);
                if (away)
                    throw new MqException(ErrorCodes.PartitionUnavailable, "It is away.");
                return [Message(0)];
            },
            () => [LeaseHolder.Of(request.Consumer, request.RequestId)]));
        await Assert.ThrowsAsync<MqException>(async () => await queue.Receive(request, default));
        away = false;

        Assert.Single(await queue.Receive(request, default));

        Assert.Equal([nameof(IGroupPartition.ReceiveAgain), nameof(IGroupPartition.ReceiveAgain)], calls);
    }

    [Fact]
    public async Task APartitionMaySayLateWhatItHasOfARequestThatIsBeingAnsweredAgain()
    {
        var (again, late) = (new ReceiveRequest { Consumer = "c", RequestId = "r", Max = 1 }, false);
        List<string> holders = [LeaseHolder.Of(again.Consumer, again.RequestId)];
        QueueDispatcher queue = null!;
        Task? other = null;
        queue = Queue(
            Partition(
                (call, _) =>
                {
                    if (call != nameof(IGroupPartition.ReceiveAgain))
                        return [];
                    late = true;
                    other ??= queue.Receive(new ReceiveRequest { Consumer = "c", RequestId = "other" }, default).AsTask();
                    return [Message(0)];
                },
                () => holders),
            Partition((_, _) => [], () => late ? holders : throw new MqException(ErrorCodes.PartitionUnavailable, "It is away.")));

        Assert.Single(await queue.Receive(again, default));

        await other!;
    }

    [Fact]
    public async Task WhoWaitsGetsWhatAPartitionHasThoughItsSignalWasLost()
    {
        Delivery[] there = [];
        var queue = Queue(Partition((_, _) => there));
        queue.LookAgainEvery = TimeSpan.FromSeconds(1);
        var waiting = queue.Receive(new ReceiveRequest { Wait = TimeSpan.FromMinutes(1) }, default).AsTask();
        there = [Message(0)];

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Single(await waiting);
    }

    [Fact]
    public async Task WhereNobodyWaitsNoTimerTicks()
    {
        var queue = Queue(Partition((_, _) => []));
        queue.LookAgainEvery = TimeSpan.FromSeconds(1);
        Assert.Equal(0, _time.ArmedTimers);
        for (var times = 0; times < 2; times++)
        {
            var waiting = queue.Receive(new ReceiveRequest { Wait = TimeSpan.FromMinutes(1) }, default).AsTask();
            Assert.Equal(2, _time.ArmedTimers);
            _time.Advance(TimeSpan.FromMinutes(1));
            Assert.Empty(await waiting);

            _time.Advance(TimeSpan.FromSeconds(1));

            Assert.Equal(0, _time.ArmedTimers);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhatADispatcherBeforeGaveOutCounts(bool deferred)
    {
        var (asked, queue) = (0, Queue(new GroupChange { MaxInFlight = 1 }, Partition((_, _) => [Message(0)])));
        queue.Recount = () =>
        {
            asked++;
            queue.NoteInFlight(0, 1, "before");
            return Task.FromResult(true);
        };

        Assert.Empty(await queue.Receive(new ReceiveRequest { Deferred = deferred ? [new Position(0, 0)] : [] }, default));

        queue.NoteInFlight(0, 0, null);
        var before = asked;
        Assert.Single(await queue.Receive(new ReceiveRequest(), default));
        Assert.Equal(before, asked);
    }

    [Fact]
    public async Task WhoReceivedBeforeIsTheOneWhoMayThoughItsPartitionAnswersLate()
    {
        var (away, queue) = (true, Queue(new GroupChange { MaxActive = 1 }, Partition((_, _) => []), Partition((_, _) => [Message(1)])));
        queue.Recount = () =>
        {
            if (!away)
                queue.NoteInFlight(0, 1, "before");
            return Task.FromResult(!away);
        };
        Assert.Single(await queue.Receive(new ReceiveRequest { Consumer = "before" }, default));
        away = false;
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.Empty(await queue.Receive(new ReceiveRequest { Consumer = "other" }, default));
    }

    private QueueDispatcher Queue(params IGroupPartition[] partitions) => Queue(new GroupChange(), partitions);

    private QueueDispatcher Queue(GroupChange settings, params IGroupPartition[] partitions)
    {
        ValueTask<IGroupPartition> Open(int number) => new(partitions[number]);
        var releases = new Releases("g", PartitionLineage.Of(partitions.Length), Open);
        return new QueueDispatcher("t", "g", GroupRules.Create(settings), releases, _time, Open);
    }

    private Delivery Message(int partition, int size = 1) => new()
    {
        Position = new Position(partition, 0),
        Timestamp = default,
        Body = new byte[size],
        Lease = new LeaseId(partition, 0, 1, 0, 1),
        LeaseUntil = _time.GetUtcNow() + TimeSpan.FromMinutes(1),
        DeliveryCount = 1,
    };

    private static IGroupPartition Partition(Func<string, object?[], Delivery[]> give, Func<List<string>>? holders = null)
    {
        var proxy = DispatchProxy.Create<IGroupPartition, GivingPartition>();
        var giving = (GivingPartition)(object)proxy;
        (giving.Give, giving.Holders) = (give, holders ?? giving.Holders);
        return proxy;
    }

    /// <summary>Gives what the story says, by whatever call.</summary>
    public class GivingPartition : DispatchProxy
    {
        public Func<string, object?[], Delivery[]> Give { get; set; } = (_, _) => [];

        public Func<List<string>> Holders { get; set; } = () => [];

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            return targetMethod!.Name == nameof(IGroupPartition.RequestHolders) ? Answer(Holders) : Answer(() =>
            {
                var given = Give(targetMethod.Name, args!);
                return new LeasedMessages(given.Length, given);
            });
        }

        private static Task<T> Answer<T>(Func<T> give)
        {
            try
            {
                return Task.FromResult(give());
            }
            catch (MqException failure)
            {
                return Task.FromException<T>(failure);
            }
        }
    }
}
