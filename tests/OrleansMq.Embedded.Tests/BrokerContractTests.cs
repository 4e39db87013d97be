using OrleansMq.Conformance;
using OrleansMq.Conformance.Broker;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Embedded.Tests;

/// <summary>The embedded broker keeps what every broker promises, on a clock that stands still.</summary>
internal static class InMemoryHost
{
    public static async Task<BrokerUnderTest> Start(ManualTime time)
    {
        var storage = new VolatileStorage();
        return new BrokerUnderTest(await Open(), async broker =>
        {
            await broker.DisposeAsync();
            return await Open();
        });

        async Task<IBroker> Open() => await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = time });
    }
}

public sealed class EmbeddedTopicTests : TopicContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedGrowthTests : GrowthContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedGrowthOrderTests : GrowthOrderContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedAppendTests : AppendContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedReadTests : ReadContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedReadTests : TimedReadContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedIdempotencyTests : IdempotencyContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedIdempotencyTests : TimedIdempotencyContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedQueueGroupTests : QueueGroupContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedGroupCatalogTests : GroupCatalogContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedQueueGroupTests : TimedQueueGroupContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedKeyOrderTests : KeyOrderContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedDeliveryOrderTests : DeliveryOrderContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedFilterTests : FilterContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedFilteredReadTests : FilteredReadContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedHeldKeyTests : HeldKeyContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedDeferTests : DeferContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedBroadcastTests : BroadcastContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedEphemeralGroupTests : TimedEphemeralGroupContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedSessionTests : SessionContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedKeyOrderTests : TimedKeyOrderContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedLogGroupTests : LogGroupContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedLogGroupTests : TimedLogGroupContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedAssignedGroupTests : AssignedGroupContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedCoordinatorTests : CoordinatorContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedDeadLetterTests : DeadLetterContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedDeadLetterTests : TimedDeadLetterContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedLimitTests : LimitContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedLimitTests : TimedLimitContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedRetentionTests : TimedRetentionContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedRestartTests : RestartContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedProducerTests : ProducerContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedConsumerTests : ConsumerContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedRequestReplyTests : RequestReplyContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedRequestReplyTests : TimedRequestReplyContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedPatternTests : PatternContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedScheduleTests : ScheduleContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedScheduleTests : TimedScheduleContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedHalfTests : HalfContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedHalfTests : TimedHalfContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimeToLiveTests : TimeToLiveContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedTimeToLiveTests : TimedTimeToLiveContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedReconcileTests : ReconcileContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedReconcileTests : TimedReconcileContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedReconcileScheduleTests : TimedReconcileScheduleContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTraceTests : TimedTraceContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedRoutingTests : RoutingContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}
