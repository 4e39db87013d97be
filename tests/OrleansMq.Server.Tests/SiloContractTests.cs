using OrleansMq.Conformance.Broker;
using Xunit;

namespace OrleansMq.Server.Tests;

// A cluster keeps what every broker promises: asked from inside a silo.

[Collection(nameof(OneSilo))]
public sealed class SiloTopicTests(OneSilo cluster) : TopicContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloGrowthTests(OneSilo cluster) : GrowthContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloGrowthOrderTests(OneSilo cluster) : GrowthOrderContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloAppendTests(OneSilo cluster) : AppendContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloReadTests(OneSilo cluster) : ReadContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloIdempotencyTests(OneSilo cluster) : IdempotencyContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloQueueGroupTests(OneSilo cluster) : QueueGroupContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloGroupCatalogTests(OneSilo cluster) : GroupCatalogContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloKeyOrderTests(OneSilo cluster) : KeyOrderContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloFilterTests(OneSilo cluster) : FilterContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloFilteredReadTests(OneSilo cluster) : FilteredReadContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloBroadcastTests(OneSilo cluster) : BroadcastContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloDeliveryOrderTests(OneSilo cluster) : DeliveryOrderContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloHeldKeyTests(OneSilo cluster) : HeldKeyContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloLogGroupTests(OneSilo cluster) : LogGroupContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloDeadLetterTests(OneSilo cluster) : DeadLetterContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloLimitTests(OneSilo cluster) : LimitContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloRestartTests(OneSilo cluster) : RestartContract
{
    protected override bool GroupsMayLiveOn => true;

    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloProducerTests(OneSilo cluster) : ProducerContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloConsumerTests(OneSilo cluster) : ConsumerContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloRequestReplyTests(OneSilo cluster) : RequestReplyContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloPatternTests(OneSilo cluster) : PatternContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloCoordinatorTests(OneSilo cluster) : CoordinatorContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloScheduleTests(OneSilo cluster) : ScheduleContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloHalfTests(OneSilo cluster) : HalfContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloTimeToLiveTests(OneSilo cluster) : TimeToLiveContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloReconcileTests(OneSilo cluster) : ReconcileContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloTraceTests(OneSilo cluster) : TraceContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloRoutingTests(OneSilo cluster) : RoutingContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloTransactionTests(OneSilo cluster) : TransactionContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}

[Collection(nameof(OneSilo))]
public sealed class SiloTransactionRestartTests(OneSilo cluster) : TransactionRestartContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Inside()));
}
