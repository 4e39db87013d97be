using OrleansMq.Engine.Storage.Configured;
using OrleansMq.Storage.AzureBlobs.Tests.Azurite;

namespace OrleansMq.Storage.AzureBlobs.Tests;

/// <summary>Blobs that a configuration names.</summary>
[Collection(AzuriteTests.Name)]
public sealed class ConfiguredTests(AzuriteServer azurite)
{
    [Fact]
    public async Task AConfigurationOpensTheContainerThatItNames()
    {
        var container = AzuriteServer.NewContainer();
        await using var storage = await Open(("providerType", "blobs"), ("ConnectionString", azurite.ConnectionString), ("Container", container), ("Prefix", "mq"), ("RetryFor", "00:05:00"));
        await storage.Documents.Put("k", "v"u8.ToArray(), 0);

        await using var same = await BlobStorage.Start(azurite.Options(container) with { Prefix = "mq" });

        Assert.Equal("v"u8.ToArray(), (await same.Documents.Get("k"))!.Bytes.ToArray());
    }

    [Theory]
    [InlineData("ContainerName", "x", "OrleansMq:Storage:ContainerName is no setting of this storage; it has ProviderType, ConnectionString, ContainerUri, Container,")]
    [InlineData("RetryFor", "a while", "OrleansMq:Storage:RetryFor is 'a while'; a time such as 00:00:10.")]
    [InlineData("Container", "No Container", "OrleansMq:Storage: Blob storage: Container 'No Container'")]
    [InlineData("ConnectionString", "secret", "can't be read (its text is not shown)")]
    [InlineData("ContainerUri", "a secret", "OrleansMq:Storage:ContainerUri is no address (its text is not shown).")]
    public async Task WhatCanNotBeIsRefusedByItsNameAndNoSecretIsShown(string name, string value, string message)
    {
        List<(string, string)> settings = [("ProviderType", "Blobs"), (name, value)];
        if (name != "ConnectionString")
            settings.Add(("ConnectionString", azurite.ConnectionString));

        var refused = (await Assert.ThrowsAsync<FormatException>(async () => await Open([.. settings]))).Message;

        Assert.Contains(message, refused, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refused, StringComparison.Ordinal);
        Assert.DoesNotContain("AccountKey", refused, StringComparison.Ordinal);
    }

    private static ValueTask<Engine.Storage.IStorage> Open(params (string Name, string Value)[] settings) =>
        ConfiguredStorage.Of("OrleansMq:Storage", settings.Select(setting => KeyValuePair.Create(setting.Name, (string?)setting.Value))).Open(_ => { });
}
