using OrleansMq.Records;
using OrleansMq.Simulation.Worlds;
using Xunit;

namespace OrleansMq.Simulation.Tests;

/// <summary>Each checker finds the bug that is planted for it: one that never fired would prove nothing.</summary>
public sealed class CheckerTests
{
    private static readonly FaultKind[] Crashes = [FaultKind.PowerLoss, FaultKind.PowerLossAtCall];

    [Fact]
    public void AFlushThatLiesLosesMessages() => Finds(new FlushLies(), Crashes, "lost", "start", "not served", "world");

    [Fact]
    public void ADirectoryFlushThatLiesLosesFiles() => Finds(new DirectoryFlushLies(), Crashes, "lost", "start", "not served", "world", "false damage");

    [Fact]
    public void AnAcknowledgementBeforeTheFlushLosesMessages() => Finds(new WrongStorage(log => new AcknowledgesBeforeFlush(log)), Crashes, "lost");

    [Fact]
    public void AMessageThatWasRefusedAndStoredComesFromNowhere() => Finds(broker => new RefusesWhatItStored(broker), "nowhere");

    [Fact]
    public void ABodyOfAnotherMessageIsASecondValue() => Finds(broker => new SwapsBodies(broker), "two values");

    [Fact]
    public void AReadThatSkipsABatchIsNotDense() => Finds(broker => new SkipsFirstBatch(broker), "dense");

    [Fact]
    public void AnEndThatGoesBackIsFound() => Finds(broker => new EndGoesBack(broker), "end");

    [Theory]
    [InlineData(3)]
    [InlineData(-2)]
    public void ACapThatIsNotExactIsFound(int off) => Finds(broker => new ChangesTopics(broker, change => change.Admit.Value is { } n ? change with { Admit = n + off } : change), "cap");

    [Fact]
    public void ABatchStoredTwiceIsFound() => Finds(broker => new AppendsTwice(broker), "twice");

    [Fact]
    public void ATokenThatIsForgottenIsFound() => Finds(broker => new ChangesTopics(broker, change => change with { TokenAge = TimeSpan.FromSeconds(1) }), "token");

    [Fact]
    public void AppendsWithoutTheirSequenceGetOutOfOrder() => Finds(broker => new ForgetsSequences(broker), "order");

    [Fact]
    public void ACommitOfAnotherOffsetIsFound() => Finds(broker => new CommitsLess(broker), "cursor");

    [Fact]
    public void APartitionAtTwoMembersIsFound() => Finds(broker => new AssignsEverything(broker), "assignment");

    [Fact]
    public void ADeliveryTooManyIsFound() =>
        Finds(broker => new ChangesGroups(broker, change => change.MaxDeliveries.Value > 0 ? change with { MaxDeliveries = change.MaxDeliveries.Value + 2 } : change), "deliveries");

    [Fact]
    public void AMessageSetAsideThatComesAgainUnaskedIsFound() => Finds(broker => new RefusesWhatIsDeferred(broker), "deferred");

    [Fact]
    public void AnAcknowledgementThatDoesNothingIsFound() => Finds(broker => new OnlySaysOk(broker), "acked");

    [Fact]
    public void ADeliveryCountThatDoesNotRiseIsFound() => Finds(broker => new CountsWrong(broker), "count");

    [Fact]
    public void TwoLeasesOnOneMessageAreFound() => Finds(broker => new GivesAgain(broker, 1), "two leases");

    [Fact]
    public void OneLeaseAtTwoConsumersIsFound() => Finds(broker => new GivesAgain(broker, 0), "lease");

    [Theory]
    [InlineData("by key")]
    [InlineData("key order")]
    public void KeysThatAreNotKeptAreFound(string checker) => Finds(broker => new ChangesGroups(broker, change => change with { ByKey = false }), checker);

    [Fact]
    public void ALostDeadLetterIsFound() => Finds(broker => new AcknowledgesTheDead(broker), "letter lost");

    [Fact]
    public void ADeadLetterThatStaysWhenRedrivenIsFound() => Finds(broker => new RedrivesNothing(broker), "letter twice");

    [Fact]
    public void AGroupThatDeliversNothingIsStuck() => Finds(broker => new ChangesGroups(broker, change => change with { Paused = change.Style.Value == GroupStyle.Queue }), "stuck");

    [Fact]
    public void AMessageSettledByNobodyIsFound() => Finds(broker => new SettlesUnseen(broker), "skipped");

    [Fact]
    public void AnExceptionThatIsNoAnswerIsFound() => Finds(broker => new Throws(broker), "raw exception");

    [Fact]
    public void WorkThatLeavesTheWorldIsFound() => Finds(broker => new LeavesTheWorld(broker), "world");

    [Fact]
    public void ACallThatIsNeverAnsweredIsFound() => Finds(broker => new NeverAnswers(broker), "hung");

    [Fact]
    public void ASequenceThatIsForgottenIsFound() => Finds(broker => new ForgetsItsLastBatches(broker), "sequence");

    [Fact]
    public void ATopicThatIsStillThereWhenDeletedIsFound() => Finds(broker => new DeletesNothing(broker), "deleted topic");

    [Fact]
    public void DamageThatIsNoneIsFound() => Finds(broker => new CriesDamage(broker), "false damage");

    [Fact]
    public void APartitionThatStaysAwayIsFound() => Finds(broker => new StaysAway(broker), "not served");

    [Fact]
    public void AFolderThatDoesNotOpenAgainIsFound() => Finds(new OpensTwice(), [FaultKind.PowerLoss], "start");

    [Fact]
    public void AnEndThatFailsIsFound() => Finds(broker => new FailsToClose(broker), "close");

    [Fact]
    public void AnExceptionThatNobodyAwaitsIsFound() => Finds(broker => new ThrowsIntoTheDark(broker), "unhandled");

    private static void Finds(Func<IBroker, IBroker> wrap, params string[] checkers) => Finds(new WrongBroker((broker, _) => wrap(broker)), [FaultKind.CleanRestart], checkers);

    private static void Finds(Planted planted, FaultKind[] faults, params string[] checkers)
    {
        var found = new List<string>();
        for (var seed = 1; seed <= 12; seed++)
        {
            var plan = WorldPlan.Of(seed) with { Length = TimeSpan.FromSeconds(12), FaultEvery = TimeSpan.FromSeconds(3), Faults = faults, LostReplies = 0.05, Transactions = false, Growth = false, Compaction = false };
            var violations = Simulator.Run(plan, planted).Violations;
            if (violations.Any(violation => checkers.Contains(violation.Checker)))
                return;
            found.AddRange(violations.Take(3).Select(violation => violation.ToString()));
        }

        Assert.Fail($"None of {string.Join(", ", checkers)} fired; others: {string.Join("\n", found)}");
    }

    private sealed class RefusesWhatItStored(IBroker broker) : Lying(broker)
    {
        public override async ValueTask<IReadOnlyList<PublishResult>> Publish(TopicName topic, IReadOnlyList<Message> messages, PublishOptions? options = null, CancellationToken cancel = default)
        {
            await base.Publish(topic, messages, options, cancel);
            throw new MqException(ErrorCodes.BatchTooLarge, "planted");
        }
    }

    private sealed class SwapsBodies(IBroker broker) : Lying(broker)
    {
        public override async ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default)
        {
            var given = (await base.Receive(topic, group, request, cancel)).ToList();
            if (given.Count > 1)
                (given[0], given[1]) = (given[0] with { Body = given[1].Body, Key = given[1].Key, Token = given[1].Token }, given[1] with { Body = given[0].Body, Key = given[0].Key, Token = given[0].Token });
            return given;
        }
    }

    private sealed class SkipsFirstBatch(IBroker broker) : Lying(broker)
    {
        public override async ValueTask<ReadResult> Read(ReadRequest request, CancellationToken cancel = default)
        {
            var result = await base.Read(request, cancel);
            return new ReadResult([.. result.Partitions.Select(read => RecordBatch.TryRead(read.Batches, out var first) == BatchReadStatus.Done ? read with { Batches = read.Batches[first.Length..] } : read)], result);
        }
    }

    private sealed class EndGoesBack(IBroker broker) : Lying(broker)
    {
        private int _calls;

        public override async ValueTask<TopicDescription> DescribeTopic(TopicName topic, CancellationToken cancel = default)
        {
            var described = await base.DescribeTopic(topic, cancel);
            return _calls++ % 3 == 2 ? described with { Partitions = [.. described.Partitions.Select(p => p with { End = p.End / 2 })] } : described;
        }
    }

    private sealed class ChangesTopics(IBroker broker, Func<TopicChange, TopicChange> how) : Lying(broker)
    {
        public override ValueTask<TopicDescription> PutTopic(TopicName topic, TopicChange change, CancellationToken cancel = default) => base.PutTopic(topic, how(change), cancel);
    }

    private sealed class ChangesGroups(IBroker broker, Func<GroupChange, GroupChange> how) : Lying(broker)
    {
        public override ValueTask<GroupDescription> PutGroup(TopicName topic, GroupName group, GroupChange change, CancellationToken cancel = default) => base.PutGroup(topic, group, how(change), cancel);
    }

    private sealed class AppendsTwice(IBroker broker) : Lying(broker)
    {
        public override async ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default)
        {
            await base.Append(request with { Producer = null }, cancel);
            return await base.Append(request, cancel);
        }
    }

    private sealed class ForgetsSequences(IBroker broker) : Lying(broker)
    {
        public override ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default) => base.Append(request with { Producer = null }, cancel);
    }

    private sealed class CommitsLess(IBroker broker) : Lying(broker)
    {
        public override ValueTask Commit(TopicName topic, GroupName group, CommitRequest request, CancellationToken cancel = default) =>
            base.Commit(topic, group, request with { Positions = [.. request.Positions.Select(position => position with { Offset = Math.Max(0, position.Offset - 1) })] }, cancel);
    }

    private sealed class AssignsEverything(IBroker broker) : Lying(broker)
    {
        public override async ValueTask<Assignment> Join(TopicName topic, GroupName group, string member, TimeSpan sessionTimeout, CancellationToken cancel = default) =>
            (await base.Join(topic, group, member, sessionTimeout, cancel)) with { Partitions = [0] };
    }

    private sealed class OnlySaysOk(IBroker broker) : Lying(broker)
    {
        public override ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default) =>
            ValueTask.FromResult<IReadOnlyList<SettleResult>>([.. settlement.Leases.Select(lease => new SettleResult(lease, null))]);
    }

    private sealed class CountsWrong(IBroker broker) : Lying(broker)
    {
        private int _epoch;

        public override async ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default) =>
            [.. (await base.Receive(topic, group, request, cancel)).Select(delivery => delivery with { Lease = delivery.Lease with { Epoch = ++_epoch, Delivery = 1 } })];
    }

    private sealed class GivesAgain(IBroker broker, int more) : Lying(broker)
    {
        private readonly Dictionary<(TopicName, GroupName), IReadOnlyList<Delivery>> _last = [];

        public override async ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default)
        {
            if (_last.Remove((topic, group), out var last) && last.Count > 0)
                return [.. last.Select(delivery => delivery with { Lease = delivery.Lease with { Delivery = delivery.Lease.Delivery + more }, LeaseUntil = delivery.LeaseUntil.AddMilliseconds(1) })];
            return _last[(topic, group)] = await base.Receive(topic, group, request, cancel);
        }
    }

    private sealed class AcknowledgesTheDead(IBroker broker) : Lying(broker)
    {
        public override ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default) =>
            base.Settle(topic, group, settlement.Kind == SettlementKind.DeadLetter ? Settlement.Acknowledge(settlement.Leases) : settlement, cancel);
    }

    private sealed class RefusesWhatIsDeferred(IBroker broker) : Lying(broker)
    {
        public override ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default) =>
            base.Settle(topic, group, settlement.Kind == SettlementKind.Defer ? Settlement.Refuse(settlement.Leases) : settlement, cancel);
    }

    private sealed class RedrivesNothing(IBroker broker) : Lying(broker)
    {
        public override ValueTask<int> Redrive(TopicName topic, GroupName group, DeadLetterSelection selection, Message? replace = null, CancellationToken cancel = default) =>
            ValueTask.FromResult(selection.Positions.Count);
    }

    private sealed class SettlesUnseen(IBroker broker) : Lying(broker)
    {
        public override async ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default)
        {
            var given = await base.Receive(topic, group, request, cancel);
            if (given.Count < 3)
                return given;
            await base.Settle(topic, group, Settlement.Acknowledge(given[1].Lease), cancel);
            return [given[0], .. given.Skip(2)];
        }
    }

    private sealed class Throws(IBroker broker) : Lying(broker)
    {
        public override ValueTask<GroupDescription> DescribeGroup(TopicName topic, GroupName group, CancellationToken cancel = default) => throw new InvalidOperationException("planted");
    }

    private sealed class ForgetsItsLastBatches(IBroker broker) : Lying(broker)
    {
        private int _calls;

        public override async ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default)
        {
            var result = await base.Append(request, cancel);
            return ++_calls % 5 == 0 ? throw new MqException(ErrorCodes.SequenceOld, "planted") : result;
        }
    }

    private sealed class DeletesNothing(IBroker broker) : Lying(broker)
    {
        public override ValueTask DeleteTopic(TopicName topic, CancellationToken cancel = default) => default;
    }

    private sealed class CriesDamage(IBroker broker) : Lying(broker)
    {
        private int _calls;

        public override ValueTask<long> FindOffset(TopicName topic, int partition, StartAt at, CancellationToken cancel = default) =>
            ++_calls % 3 == 0 ? throw new MqException(ErrorCodes.PartitionDamaged, "planted") : base.FindOffset(topic, partition, at, cancel);
    }

    private sealed class StaysAway(IBroker broker) : Lying(broker)
    {
        public override ValueTask<long> FindOffset(TopicName topic, int partition, StartAt at, CancellationToken cancel = default) => throw new MqException(ErrorCodes.PartitionUnavailable, "planted");
    }

    private sealed class FailsToClose(IBroker broker) : Lying(broker)
    {
        public override async ValueTask DisposeAsync()
        {
            await base.DisposeAsync();
            throw new InvalidOperationException("planted");
        }
    }

    private sealed class ThrowsIntoTheDark(IBroker broker) : Lying(broker)
    {
        public override ValueTask<GroupDescription> DescribeGroup(TopicName topic, GroupName group, CancellationToken cancel = default)
        {
            Later();
            return base.DescribeGroup(topic, group, cancel);
        }

        private static async void Later()
        {
            await Task.Yield();
            throw new InvalidOperationException("planted");
        }
    }

    private sealed class LeavesTheWorld(IBroker broker) : Lying(broker)
    {
        public override async ValueTask<long> FindOffset(TopicName topic, int partition, StartAt at, CancellationToken cancel = default)
        {
            await Task.Run(static () => Thread.Sleep(1), cancel);
            return await base.FindOffset(topic, partition, at, cancel);
        }
    }

    private sealed class NeverAnswers(IBroker broker) : Lying(broker)
    {
        public override async ValueTask<GroupDescription> DescribeGroup(TopicName topic, GroupName group, CancellationToken cancel = default)
        {
            await new TaskCompletionSource().Task;
            return await base.DescribeGroup(topic, group, cancel);
        }
    }
}
