using Azure.Core;

namespace OrleansMq.Storage.AzureBlobs.Tests;

public sealed class OptionsTests
{
    private const string Connection = "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net";

    private static readonly BlobStorageOptions Good = new() { ConnectionString = Connection };

    private sealed class NoCredential : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => throw new NotSupportedException();

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => throw new NotSupportedException();
    }

    public static TheoryData<string, BlobStorageOptions> Wrong() => new()
    {
        { "ConnectionString", new() },
        { "Client", Good with { ContainerUri = new("https://shop.example/c") } },
        { "Credential", Good with { Credential = new NoCredential() } },
        { "ContainerUri", new() { ContainerUri = new("ftp://shop.example/c") } },
        { "ContainerUri", new() { ContainerUri = new("http://shop.example/c"), Credential = new NoCredential() } },
        { "ConnectionString", new() { ConnectionString = "AccountKey=c2VjcmV0" } },
        { "Container", Good with { Container = "Big" } },
        { "Container", Good with { Container = "a--b" } },
        { "Prefix", Good with { Prefix = "/a" } },
        { "Prefix", Good with { Prefix = "a//b" } },
        { "AppendBytes", Good with { AppendBytes = 100 } },
        { "AppendBytes", Good with { AppendBytes = 101 << 20 } },
        { "BlobBlocks", Good with { BlobBlocks = 0 } },
        { "BlobBlocks", Good with { BlobBlocks = 50_001 } },
        { "BlobBytes", Good with { BlobBytes = 1 } },
        { "AcceptedBytes", Good with { AcceptedBytes = -1 } },
        { "ReadAheadBytes", Good with { ReadAheadBytes = 1 } },
        { "CacheBytes", Good with { CacheBytes = 1 } },
        { "Connections", Good with { Connections = 0 } },
        { "AttemptTimeout", Good with { AttemptTimeout = TimeSpan.Zero } },
        { "RetryFor", Good with { RetryFor = TimeSpan.FromSeconds(-1) } },
        { "RetryDelay", Good with { RetryDelay = TimeSpan.Zero } },
        { "MaxRetryDelay", Good with { MaxRetryDelay = TimeSpan.FromMilliseconds(1) } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task OptionThatCannotBeIsNamedAndNoKeyIs(string named, BlobStorageOptions options)
    {
        var wrong = await Assert.ThrowsAsync<ArgumentException>(async () => await BlobStorage.Start(options));

        Assert.Contains(named, wrong.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("c2VjcmV0", wrong.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void PrintedOptionsSayWhereAndKeepTheSecret()
    {
        Assert.Equal("blobs at https://shop.blob.core.windows.net/orleansmq", Good.ToString());
        Assert.Equal("blobs at https://shop.example/c/p", new BlobStorageOptions { ContainerUri = new("https://shop.example/c?sig=secret"), Prefix = "p" }.ToString());
        Assert.DoesNotContain("c2VjcmV0", new BlobStorageOptions { ConnectionString = "AccountKey=c2VjcmV0" }.ToString(), StringComparison.Ordinal);
    }
}
