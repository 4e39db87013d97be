using OrleansMq.Conformance.Broker;
using Xunit;

namespace OrleansMq.Server.Tests;

// A cluster keeps what every broker promises: asked from outside, over two silos.

[Collection(nameof(TwoSilos))]
public sealed class ClientTopicTests(TwoSilos cluster) : TopicContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientGrowthTests(TwoSilos cluster) : GrowthContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientGrowthOrderTests(TwoSilos cluster) : GrowthOrderContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientAppendTests(TwoSilos cluster) : AppendContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientReadTests(TwoSilos cluster) : ReadContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientIdempotencyTests(TwoSilos cluster) : IdempotencyContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientQueueGroupTests(TwoSilos cluster) : QueueGroupContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientGroupCatalogTests(TwoSilos cluster) : GroupCatalogContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientKeyOrderTests(TwoSilos cluster) : KeyOrderContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientDeliveryOrderTests(TwoSilos cluster) : DeliveryOrderContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientFilterTests(TwoSilos cluster) : FilterContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientFilteredReadTests(TwoSilos cluster) : FilteredReadContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientHeldKeyTests(TwoSilos cluster) : HeldKeyContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientDeferTests(TwoSilos cluster) : DeferContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientBroadcastTests(TwoSilos cluster) : BroadcastContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientSessionTests(TwoSilos cluster) : SessionContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientLogGroupTests(TwoSilos cluster) : LogGroupContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientDeadLetterTests(TwoSilos cluster) : DeadLetterContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientLimitTests(TwoSilos cluster) : LimitContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientRestartTests(TwoSilos cluster) : RestartContract
{
    protected override bool GroupsMayLiveOn => true;

    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientProducerTests(TwoSilos cluster) : ProducerContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientConsumerTests(TwoSilos cluster) : ConsumerContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientRequestReplyTests(TwoSilos cluster) : RequestReplyContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientPatternTests(TwoSilos cluster) : PatternContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientAssignedGroupTests(TwoSilos cluster) : AssignedGroupContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientCoordinatorTests(TwoSilos cluster) : CoordinatorContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientScheduleTests(TwoSilos cluster) : ScheduleContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientHalfTests(TwoSilos cluster) : HalfContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientTimeToLiveTests(TwoSilos cluster) : TimeToLiveContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientReconcileTests(TwoSilos cluster) : ReconcileContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientReconcileScheduleTests(TwoSilos cluster) : ReconcileScheduleContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientTraceTests(TwoSilos cluster) : TraceContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientRoutingTests(TwoSilos cluster) : RoutingContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientTransactionTests(TwoSilos cluster) : TransactionContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}

[Collection(nameof(TwoSilos))]
public sealed class ClientTransactionRestartTests(TwoSilos cluster) : TransactionRestartContract
{
    protected override Task<BrokerUnderTest> Start() => Task.FromResult(cluster.ForStory(cluster.Outside));
}
