using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Tests.Azurite;
using OrleansMq.Storage.AzureBlobs.Tests.Faults;

namespace OrleansMq.Storage.AzureBlobs.Tests;

[Collection(AzuriteTests.Name)]
public class BlobLogTests(AzuriteServer azurite) : LogContract
{
    private readonly string _container = AzuriteServer.NewContainer();

    protected override async ValueTask<IStorage> Open() => await BlobStorage.Start(Configure(azurite.Options(_container)));

    protected virtual BlobStorageOptions Configure(BlobStorageOptions options) => options;
}

/// <summary>Everything as small as it may be: nothing may depend on what fits into one block, blob or page.</summary>
public sealed class SmallBlobLogTests(AzuriteServer azurite) : BlobLogTests(azurite)
{
    protected override BlobStorageOptions Configure(BlobStorageOptions options) =>
        options with { AppendBytes = 256 << 10, BlobBlocks = 50, AcceptedBytes = 100, ReadAheadBytes = 64 << 10, CacheBytes = 64 << 10, Prefix = "brokers/one" };
}

/// <summary>The service answers with errors, or not at all, before and after it did what it was asked.</summary>
public sealed class BlobLogUnderFaultsTests(AzuriteServer azurite) : BlobLogTests(azurite)
{
    private readonly FaultProxy _proxy = new(azurite.Port, new RandomFaults(seed: 1, share: 0.12));

    protected override BlobStorageOptions Configure(BlobStorageOptions options) =>
        options with { ConnectionString = AzuriteServer.ConnectionStringAt(_proxy.Port), AttemptTimeout = FaultProxy.Patience };

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await _proxy.DisposeAsync();
    }
}

[Collection(AzuriteTests.Name)]
public class BlobDocumentTests(AzuriteServer azurite) : DocumentContract
{
    private readonly string _container = AzuriteServer.NewContainer();

    protected override async ValueTask<IStorage> Open() => await BlobStorage.Start(Configure(azurite.Options(_container)));

    protected virtual BlobStorageOptions Configure(BlobStorageOptions options) => options;
}

public sealed class BlobDocumentUnderFaultsTests(AzuriteServer azurite) : BlobDocumentTests(azurite)
{
    private readonly FaultProxy _proxy = new(azurite.Port, new RandomFaults(seed: 2, share: 0.12));

    protected override BlobStorageOptions Configure(BlobStorageOptions options) =>
        options with { ConnectionString = AzuriteServer.ConnectionStringAt(_proxy.Port), AttemptTimeout = FaultProxy.Patience };

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await _proxy.DisposeAsync();
    }
}
