using System.Reflection;
using OrleansMq.Conformance;
using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Groups;
using Xunit;

namespace OrleansMq.Engine.Tests;

/// <summary>A topic that grew, where the partition before the new one can't give the states that keys left with.</summary>
public sealed class StatesAwayTests
{
    private readonly ManualTime _time = new();

    [Theory]
    [InlineData(false, SettlementKind.Refuse)]
    [InlineData(true, SettlementKind.Defer)]
    public async Task WhatWasLeasedMeanwhileGoesBack(bool aside, SettlementKind back)
    {
        var settled = new List<Settlement>();
        var lineage = new PartitionLineage([new EarlierCount(1, 0)], 2);
        var key = Enumerable.Range(0, 256).Select(i => new[] { (byte)i }).First(key => lineage.TookOver(1, key));
        var lease = new LeaseId(1, 0, 1, 0, 1);
        var message = new Delivery { Position = new Position(1, 0), Timestamp = default, Body = default, Key = key, Lease = lease, LeaseUntil = default, DeliveryCount = 1 };
        var partition = StoryPartition.Make((call, arguments) => call switch
        {
            nameof(IGroupPartition.IsDrained) or nameof(IGroupPartition.HasSessions) => Task.FromResult(true),
            nameof(IGroupPartition.Receive) => Task.FromResult(new LeasedMessages(0, [])),
            nameof(IGroupPartition.Sessions) => Task.FromException<SessionState?[]>(new MqException(ErrorCodes.PartitionUnavailable, "It is away.")),
            _ => throw new NotSupportedException(call),
        });
        var grown = StoryPartition.Make((call, arguments) =>
        {
            if (call != nameof(IGroupPartition.Settle))
                return Task.FromResult(new LeasedMessages(1, [message]));
            settled.Add((Settlement)arguments[1]!);
            return Task.FromResult(new string?[1]);
        });
        ValueTask<IGroupPartition> Open(int number) => new(number == 0 ? partition : grown);
        var settings = GroupRules.Create(new GroupChange { ByKey = true });
        var queue = new QueueDispatcher("t", "g", settings, new Releases("g", lineage, Open), _time, Open);

        try
        {
            await queue.Receive(new ReceiveRequest { Max = 10, Deferred = aside ? [new Position(1, 0)] : [] }, default);
        }
        catch (MqException)
        {
            // Whether it is told depends on what the others have.
        }

        var given = Assert.Single(settled);
        Assert.Equal((back, lease), (given.Kind, Assert.Single(given.Leases)));
    }

    public class StoryPartition : DispatchProxy
    {
        private Func<string, object?[], object> _story = null!;

        public static IGroupPartition Make(Func<string, object?[], object> story)
        {
            var proxy = Create<IGroupPartition, StoryPartition>();
            ((StoryPartition)(object)proxy)._story = story;
            return proxy;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _story(targetMethod!.Name, args!);
    }
}
