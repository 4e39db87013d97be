using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.TestingHost;
using Xunit;

namespace OrleansMq.Streaming.Tests;

public sealed class HostingStories
{
    [Fact]
    public async Task ConfigurationAloneTurnsStreamsOn()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        var builder = Host.CreateApplicationBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Orleans:Streaming:configured:ProviderType"] = "OrleansMq",
            ["Orleans:Streaming:configured:Topic"] = "from-configuration",
            ["Orleans:Streaming:configured:Partitions"] = "3",
        });
        builder.Services.AddSingleton<IBroker>(broker);
        builder.UseOrleans(silo => Place(silo).AddMemoryGrainStorage("PubSubStore"));
        using var host = builder.Build();
        await host.StartAsync();
        Assert.Equal(3, (await broker.DescribeTopic("from-configuration")).Settings.Partitions);
        var client = host.Services.GetRequiredService<IClusterClient>();
        await client.GetStreamProvider("configured").GetStream<Order>(StreamId.Create("a", "b")).OnNextAsync(new Order("1"));
        Assert.Equal(1, (await broker.DescribeTopic("from-configuration")).Partitions.Sum(partition => partition.End));
        await host.StopAsync();
    }

    [Theory]
    [InlineData(nameof(OrleansMqStreamOptions.Partitions), "0")]
    [InlineData(nameof(OrleansMqStreamOptions.Topic), "no topic")]
    [InlineData(nameof(OrleansMqStreamOptions.SubscriptionCacheBytes), "33554432")]
    public async Task AWrongOptionEndsTheStartAndIsNamed(string option, string value)
    {
        await using var broker = await EmbeddedBroker.InMemory();
        var builder = Host.CreateApplicationBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Orleans:Streaming:configured:ProviderType"] = "OrleansMq",
            [$"Orleans:Streaming:configured:{option}"] = value,
        });
        builder.Services.AddSingleton<IBroker>(broker);
        builder.UseOrleans(silo => Place(silo).AddMemoryGrainStorage("PubSubStore"));
        var failure = await Assert.ThrowsAnyAsync<OrleansConfigurationException>(async () =>
        {
            using var host = builder.Build();
            await host.StartAsync();
        });
        Assert.Contains(option, failure.Message, StringComparison.Ordinal);
        Assert.Contains("configured", failure.Message, StringComparison.Ordinal);
    }

    private static ISiloBuilder Place(ISiloBuilder silo)
    {
        using var ports = new TestClusterPortAllocator();
        var (siloPort, gatewayPort) = ports.AllocateConsecutivePortPairs(1);
        return silo.UseLocalhostClustering(siloPort, gatewayPort, serviceId: "streams", clusterId: Guid.NewGuid().ToString("N"));
    }
}
