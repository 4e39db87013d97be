using System.Globalization;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OrleansMq.Servers;

namespace OrleansMq.Providers.Tests;

/// <summary>Silos and clients whose code names no provider: who is in the cluster and where grains' state lies is in their configuration, and the log is in a folder that they share.</summary>
/// <param name="clustering">The section <c>Orleans:Clustering</c>.</param>
/// <param name="grainStorage">The section <c>Orleans:GrainStorage:NAME</c>.</param>
internal sealed class ConfiguredCluster(string clustering, string grainStorage, string storageName = OrleansMqOptions.Name) : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("orleansmq-providers-");
    private readonly List<IHost> _hosts = [];
    private readonly string _name = $"c{Guid.NewGuid():N}";

    /// <summary>What lies in the folder beside the logs: nothing, where the providers keep it.</summary>
    public IEnumerable<string> Documents => Directory.EnumerateFiles(Path.Combine(Data, "documents"), "*", SearchOption.AllDirectories);

    private string Data => Path.Combine(_folder.FullName, "data");

    public async Task<IHost> StartSilo()
    {
        var builder = Builder($$"""
            { "Orleans": { "ClusterId": "{{_name}}", "ServiceId": "{{_name}}", "Clustering": {{clustering}},
                           "GrainStorage": { "{{storageName}}": {{grainStorage}} },
                           "Endpoints": { "AdvertisedIPAddress": "127.0.0.1", "SiloPort": {{Port()}}, "GatewayPort": {{Port()}} } },
              "OrleansMq": { "Storage": { "ProviderType": "Shared", "Directory": "{{Data}}" } } }
            """);
        builder.UseOrleans(silo => silo.AddOrleansMq());
        return await Start(builder);
    }

    /// <summary>The broker, from outside.</summary>
    public async Task<IBroker> Connect()
    {
        var builder = Builder($$"""
            { "Orleans": { "ClusterId": "{{_name}}", "ServiceId": "{{_name}}", "Clustering": {{clustering}} },
              "OrleansMq": { "Client": { "RetryFor": "00:01:00" } } }
            """);
        builder.UseOrleansClient(client => client.AddOrleansMq());
        return (await Start(builder)).Services.GetRequiredService<IBroker>();
    }

    public async Task Stop(IHost host)
    {
        _hosts.Remove(host);
        await host.StopAsync();
        host.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        // Clients came last.
        while (_hosts.Count > 0)
            await Stop(_hosts[^1]);
        _folder.Delete(recursive: true);
    }

    private static HostApplicationBuilder Builder(string json)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddJsonStream(new MemoryStream(Encoding.UTF8.GetBytes(json)));
        return builder;
    }

    private async Task<IHost> Start(HostApplicationBuilder builder)
    {
        var host = builder.Build();
        try
        {
            await host.StartAsync();
        }
        catch
        {
            host.Dispose();
            throw;
        }
        _hosts.Add(host);
        return host;
    }

    private static string Port() => FreePort.Take().ToString(CultureInfo.InvariantCulture);
}
