using OrleansMq.Conformance.Broker;

namespace OrleansMq.Access.Tests;

/// <summary>A tenant's administrator has a whole broker: the same promises through the guard and behind the prefix.</summary>
internal static class TenantHost
{
    public static async Task<BrokerUnderTest> Start()
    {
        var broker = await EmbeddedBroker.InMemory();
        var control = await Some.ControlWithAnna();
        await control.Directory.PutUser("ann", new UserChange { Password = Some.Password, Tenant = "acme" });
        await control.Directory.AddRule(Some.Rule(AccessOperations.Admin, ResourceKind.Cluster, "", who: "ann"));
        return new BrokerUnderTest(control.As(broker, new Principal("ann")), end: async () =>
        {
            await control.DisposeAsync();
            await broker.DisposeAsync();
        });
    }
}

public sealed class TenantTopicTests : TopicContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantGrowthTests : GrowthContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantGrowthOrderTests : GrowthOrderContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantReadTests : ReadContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantQueueGroupTests : QueueGroupContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantGroupCatalogTests : GroupCatalogContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantDeliveryOrderTests : DeliveryOrderContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantFilterTests : FilterContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantFilteredReadTests : FilteredReadContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantHeldKeyTests : HeldKeyContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantDeferTests : DeferContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantBroadcastTests : BroadcastContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantSessionTests : SessionContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantLogGroupTests : LogGroupContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantDeadLetterTests : DeadLetterContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantRoutingTests : RoutingContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantTransactionTests : TransactionContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantAssignedGroupTests : AssignedGroupContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantCoordinatorTests : CoordinatorContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantReconcileTests : ReconcileContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantTraceTests : TraceContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantScheduleTests : ScheduleContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantAppendTests : AppendContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantRequestReplyTests : RequestReplyContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}

public sealed class TenantPatternTests : PatternContract
{
    protected override Task<BrokerUnderTest> Start() => TenantHost.Start();
}
