using OrleansMq.Conformance.Broker;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>The same promises through client, sockets and gateway. (The Timed contracts need a clock that stands still, and a socket's does not.)</summary>
internal static class HttpHost
{
    public static async Task<BrokerUnderTest> Start()
    {
        var storage = new VolatileStorage();
        (EmbeddedBroker? Broker, HttpGateway? Gateway) behind = default;
        return new BrokerUnderTest(await Open(), Reopen, end: End);

        async Task<IBroker> Open()
        {
            var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage });
            var gateway = await HttpGateway.Start(broker, new HttpGatewayOptions { Port = 0 });
            behind = (broker, gateway);
            return HttpBroker.Connect(gateway.Uri);
        }

        async Task<IBroker> Reopen(IBroker client)
        {
            await client.DisposeAsync();
            await End();
            return await Open();
        }

        async ValueTask End()
        {
            await behind.Gateway!.DisposeAsync();
            await behind.Broker!.DisposeAsync();
        }
    }
}

public sealed class HttpTopicTests : TopicContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpGrowthTests : GrowthContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpGrowthOrderTests : GrowthOrderContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpAppendTests : AppendContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpReadTests : ReadContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpIdempotencyTests : IdempotencyContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpQueueGroupTests : QueueGroupContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpGroupCatalogTests : GroupCatalogContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpKeyOrderTests : KeyOrderContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpDeliveryOrderTests : DeliveryOrderContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpFilterTests : FilterContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpFilteredReadTests : FilteredReadContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpHeldKeyTests : HeldKeyContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpDeferTests : DeferContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpBroadcastTests : BroadcastContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpSessionTests : SessionContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpLogGroupTests : LogGroupContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpDeadLetterTests : DeadLetterContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpLimitTests : LimitContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpProducerTests : ProducerContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpConsumerTests : ConsumerContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpRequestReplyTests : RequestReplyContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpPatternTests : PatternContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpRestartTests : RestartContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpScheduleTests : ScheduleContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpHalfTests : HalfContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpTimeToLiveTests : TimeToLiveContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpReconcileTests : ReconcileContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpReconcileScheduleTests : ReconcileScheduleContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpTraceTests : TraceContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpRoutingTests : RoutingContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpTransactionTests : TransactionContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}

public sealed class HttpTransactionRestartTests : TransactionRestartContract
{
    protected override Task<BrokerUnderTest> Start() => HttpHost.Start();
}
