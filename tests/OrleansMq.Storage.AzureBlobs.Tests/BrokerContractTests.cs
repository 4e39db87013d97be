using OrleansMq.Conformance.Broker;
using OrleansMq.Storage.AzureBlobs.Tests.Azurite;

namespace OrleansMq.Storage.AzureBlobs.Tests;

/// <summary>The embedded broker keeps its promises over blobs as well. A crash leaves the broker where it is: the next one fences it.</summary>
internal static class BlobHost
{
    public static async Task<BrokerUnderTest> Start(AzuriteServer azurite)
    {
        var container = AzuriteServer.NewContainer();
        var left = new List<IBroker>();
        return new BrokerUnderTest(
            await Open(),
            async broker =>
            {
                await broker.DisposeAsync();
                return await Open();
            },
            async broker =>
            {
                left.Add(broker);
                return await Open();
            },
            async () =>
            {
                foreach (var broker in left)
                    await broker.DisposeAsync();
            });

        async Task<IBroker> Open() => await EmbeddedBroker.Start(new EmbeddedOptions { Storage = await BlobStorage.Start(azurite.Options(container)) });
    }
}

[Collection(AzuriteTests.Name)]
public sealed class BlobBrokerAppendTests(AzuriteServer azurite) : AppendContract
{
    protected override Task<BrokerUnderTest> Start() => BlobHost.Start(azurite);
}

[Collection(AzuriteTests.Name)]
public sealed class BlobBrokerReadTests(AzuriteServer azurite) : ReadContract
{
    protected override Task<BrokerUnderTest> Start() => BlobHost.Start(azurite);
}

[Collection(AzuriteTests.Name)]
public sealed class BlobBrokerIdempotencyTests(AzuriteServer azurite) : IdempotencyContract
{
    protected override Task<BrokerUnderTest> Start() => BlobHost.Start(azurite);
}

[Collection(AzuriteTests.Name)]
public sealed class BlobBrokerQueueGroupTests(AzuriteServer azurite) : QueueGroupContract
{
    protected override Task<BrokerUnderTest> Start() => BlobHost.Start(azurite);
}

[Collection(AzuriteTests.Name)]
public sealed class BlobBrokerGroupCatalogTests(AzuriteServer azurite) : GroupCatalogContract
{
    protected override Task<BrokerUnderTest> Start() => BlobHost.Start(azurite);
}

[Collection(AzuriteTests.Name)]
public sealed class BlobBrokerRestartTests(AzuriteServer azurite) : RestartContract
{
    protected override Task<BrokerUnderTest> Start() => BlobHost.Start(azurite);
}

[Collection(AzuriteTests.Name)]
public sealed class BlobBrokerCrashTests(AzuriteServer azurite) : CrashContract
{
    protected override Task<BrokerUnderTest> Start() => BlobHost.Start(azurite);
}
