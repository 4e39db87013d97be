#if ORLEANS
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using OrleansMq.LoadBench.Measuring;
using OrleansMq.Servers;
using OrleansMq.Storage.Files;

namespace OrleansMq.LoadBench.Cluster;

/// <summary>One silo with the log on its own disk, as a process of its own, and an Orleans client in this one.</summary>
internal sealed class BenchSilo : IAsyncDisposable
{
    /// <summary>This program as the silo.</summary>
    public const string ChildName = "silo-child";

    public const string Streams = "bench";

    /// <summary>Instead of five minutes.</summary>
    public static readonly TimeSpan IdleAge = TimeSpan.FromSeconds(70);

    /// <summary>How long the directory's cache keeps a grain that nobody calls; it looks as often. Instead of four minutes.</summary>
    public static readonly TimeSpan DirectoryCacheAge = TimeSpan.FromMinutes(1);

    private const string Name = "bench";
    private const string Ready = "ready";
    private const string Look = "look";
    private const string LookCollected = "look collected";

    private readonly Process _process;
    private readonly BenchFolder _folder;
    private readonly IHost _client;

    private BenchSilo(Process process, BenchFolder folder, IHost client) => (_process, _folder, _client) = (process, folder, client);

    public IBroker Broker => _client.Services.GetRequiredService<IBroker>();

    public IClusterClient Client => _client.Services.GetRequiredService<IClusterClient>();

    /// <summary>What the silo's process took so far.</summary>
    public TimeSpan Processor
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>What its process holds.</summary>
    public async Task<Footprint> Footprint(bool collected)
    {
        await _process.StandardInput.WriteLineAsync(collected ? LookCollected : Look);
        return Measuring.Footprint.Parse((await _process.StandardOutput.ReadLineAsync())!);
    }

    /// <param name="partitions">Of the topic of the streams.</param>
    public static async Task<BenchSilo> Start(Bench bench, int partitions)
    {
        var folder = bench.Folder();
        var (silo, gateway, parts) = (FreePort.Take().ToString(CultureInfo.InvariantCulture), FreePort.Take().ToString(CultureInfo.InvariantCulture), partitions.ToString(CultureInfo.InvariantCulture));
        var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [ChildName, folder.Path, silo, gateway, parts]) { RedirectStandardOutput = true, RedirectStandardInput = true })!;
        try
        {
            if (await process.StandardOutput.ReadLineAsync() != Ready)
                throw new InvalidOperationException("The silo did not start; what it says stands above.");
            return new BenchSilo(process, folder, await StartClient(gateway, partitions));
        }
        catch
        {
            await End(process, folder);
            throw;
        }
    }

    private static async Task<IHost> StartClient(string gateway, int partitions)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.AddFilter(level => level >= LogLevel.Error);
        builder.UseOrleansClient(client => client
            .UseLocalhostClustering(Number(gateway), Name, Name)
            .AddOrleansMq()
            .AddOrleansMqStreams(Streams, options => Tune(options, partitions)));
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    /// <summary>Serves until its input ends.</summary>
    public static async Task<int> RunChild(string[] args)
    {
        await using var storage = new FileStorage(new FileStorageOptions { Directory = args[0] });
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace).AddFilter(level => level >= LogLevel.Error);
        builder.UseOrleans(silo => silo
            .UseLocalhostClustering(Number(args[1]), Number(args[2]), null, Name, Name)
            .Configure<EndpointOptions>(endpoints => endpoints.AdvertisedIPAddress = IPAddress.Loopback)
            .Configure<GrainDirectoryOptions>(directory => directory.MaximumCacheTTL = DirectoryCacheAge)
            .AddOrleansMqGrainStorage(OrleansMqOptions.Name, storage.Documents)
            .AddOrleansMqGrainStorage("PubSubStore", storage.Documents)
            .AddOrleansMq(broker => (broker.Storage, broker.IdleAge) = (storage, IdleAge))
            .AddOrleansMqStreams(Streams, options => Tune(options, Number(args[3]))));
        using var host = builder.Build();
        await host.StartAsync();
        using var stalls = new Stalls("silo");
        Console.WriteLine(Ready);
        while (await Console.In.ReadLineAsync() is { } asked)
            Console.WriteLine(Measuring.Footprint.OfThisProcess(args[0], collected: asked == LookCollected));
        await host.StopAsync();
        return 0;
    }

    public async ValueTask DisposeAsync()
    {
        await _client.StopAsync();
        _client.Dispose();
        await End(_process, _folder);
    }

    private static async Task End(Process process, BenchFolder folder)
    {
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        process.Dispose();
        folder.Dispose();
    }

    private static void Tune(OrleansMqStreamOptions options, int partitions) => (options.Topic, options.Partitions) = (Streams, partitions);

    private static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
#endif
