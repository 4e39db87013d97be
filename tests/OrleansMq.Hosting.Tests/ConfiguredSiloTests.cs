using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrleansMq.Engine.Storage;
using OrleansMq.Servers;

namespace OrleansMq.Hosting.Tests;

/// <summary>Silos whose code says <c>AddOrleansMq()</c> and nothing more: all else is in their configuration.</summary>
public sealed class ConfiguredSiloTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("orleansmq-configured-");
    private readonly List<IHost> _hosts = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        while (_hosts.Count > 0)
            await Stop(_hosts[^1]);
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData("Files", "Development")]
    [InlineData("shared", "OrleansMq")]
    public async Task ASiloServesFromItsConfigurationAloneAndFindsItsLogAgain(string kind, string clustering)
    {
        var first = await Silo(Json(kind, clustering));
        var broker = first.Services.GetRequiredService<IBroker>();
        await broker.PutTopic("t", new TopicChange());
        await broker.Publish("t", [Message.OfText("kept")]);
        Assert.Equal(Acks.Accepted, first.Services.GetRequiredService<Microsoft.Extensions.Options.IOptions<OrleansMqOptions>>().Value.DefaultAcks);
        await Stop(first);

        var second = await Silo(Json(kind, clustering));

        Assert.Equal("kept", (await second.Services.GetRequiredService<IBroker>().Receive("t", "g", new ReceiveRequest { Wait = TimeSpan.FromSeconds(30) }))[0].BodyText);
    }

    [Fact]
    public async Task TheLastSiloAsksNobodyForWhatWentWithIt()
    {
        var lines = new Lines();
        var builder = Builder(Json("Files", "Development"));
        builder.Logging.AddProvider(lines);
        builder.UseOrleans(silo => silo.AddOrleansMq());
        var host = await Start(builder);
        var broker = host.Services.GetRequiredService<IBroker>();
        await broker.PutTopic("t", new TopicChange { Partitions = 4 });
        for (var partition = 0; partition < 4; partition++)
            await broker.Publish("t", [Message.OfText("x") with { Partition = partition }]);

        await Stop(host);

        Assert.DoesNotContain(lines.Written, line => line.Contains("deadline", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AClientFindsTheSilosByTheStorageThatItsConfigurationNames()
    {
        await Silo(Json("Shared", "OrleansMq"));
        var builder = Builder($$"""
            { "Orleans": { "ClusterId": "c", "ServiceId": "s", "Clustering": { "ProviderType": "OrleansMq", "Storage": { "ProviderType": "Shared", "Directory": "{{Data}}" } } },
              "OrleansMq": { "Client": { "RetryFor": "00:00:07" } } }
            """);
        builder.UseOrleansClient(client => client.AddOrleansMq());

        var broker = (await Start(builder)).Services.GetRequiredService<IBroker>();

        Assert.Single((await broker.DescribeCluster()).Nodes);
    }

    [Fact]
    public async Task AnotherSectionMayHoldIt()
    {
        var builder = Builder($$"""
            { "Orleans": { "ClusterId": "c", "ServiceId": "s", "Clustering": { "ProviderType": "Development" }, {{Ports()}},
                           "GrainStorage": { "OrleansMq": { "ProviderType": "OrleansMq" } } },
              "Queues": { "IdleAge": "00:02:00", "Storage": { "ProviderType": "Files", "Directory": "{{Data}}" } } }
            """);
        builder.UseOrleans(silo => silo.AddOrleansMq(builder.Configuration.GetSection("Queues")));

        var host = await Start(builder);

        Assert.Equal(TimeSpan.FromMinutes(2), host.Services.GetRequiredService<Microsoft.Extensions.Options.IOptions<OrleansMqOptions>>().Value.IdleAge);
        await host.Services.GetRequiredService<IBroker>().PutTopic("t", new TopicChange());
        Assert.True(Directory.Exists(Path.Combine(Data, "logs")));
    }

    [Theory]
    [InlineData("""{ "ProviderType": "Tape" }""", "OrleansMq:Storage:ProviderType is 'Tape', which is no storage here: Blobs, Files, Shared.")]
    [InlineData("""{ "Directory": "x" }""", "OrleansMq:Storage:ProviderType is missing: Blobs, Files, Shared.")]
    [InlineData("""{ "ProviderType": "Blobs" }""", "which is in the package OrleansMq.Storage.AzureBlobs")]
    [InlineData("""{ "ProviderType": "Files" }""", "OrleansMq:Storage:Directory is missing.")]
    [InlineData("""{ "ProviderType": "Files", "Directory": "/tmp/x", "SegmentByte": 1 }""", "OrleansMq:Storage:SegmentByte is no setting of this storage; it has ")]
    [InlineData("""{ "ProviderType": "Files", "Directory": "/tmp/x", "SegmentBytes": "many" }""", "OrleansMq:Storage:SegmentBytes is 'many'; a whole number.")]
    [InlineData("""{ "ProviderType": "Files", "Directory": "/tmp/x", "SegmentBytes": 1 }""", "OrleansMq:Storage: File storage: SegmentBytes (1) must be at least 4096.")]
    [InlineData("""{ "ProviderType": "Files", "Directory": "/tmp/x", "Journal": "perhaps" }""", "OrleansMq:Storage:Journal is 'perhaps'; true or false.")]
    [InlineData("""{ "ProviderType": "Shared", "Directory": "/tmp/x", "Journal": "true" }""", "OrleansMq:Storage:Journal is no setting of this storage")]
    [InlineData("""{ "ProviderType": "Files", "Directory": "/tmp/x", "FlushThreads": 3000000000 }""", "OrleansMq:Storage:FlushThreads is 3000000000")]
    public async Task WhatCanNotBeIsRefusedByItsName(string storage, string message)
    {
        var refused = await Assert.ThrowsAsync<OrleansConfigurationException>(() => Silo(Json(storage, "Development")));

        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("IdelAge", "OrleansMq:IdelAge is no setting; there are Client, Compaction, ")]
    [InlineData("Compaction:MinAgee", "OrleansMq:Compaction:MinAgee is no setting; there are DirtyBytes, DirtyRatio, MemoryBytes, MinAge, TombstoneAge.")]
    [InlineData("Compaction", "OrleansMq:Compaction is '00:01:00', and has settings of its own below it.")]
    [InlineData("Client:Retries", "OrleansMq:Client:Retries is no setting; there are AppendCallBytes, ")]
    public void AMistypedSettingIsRefusedByItsName(string setting, string message)
    {
        var builder = Builder(Json("Files", "Development"));
        builder.Configuration[$"OrleansMq:{setting}"] = "00:01:00";

        var refused = Assert.Throws<OrleansConfigurationException>(() => builder.UseOrleans(silo => silo.AddOrleansMq()));

        Assert.StartsWith(message, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SettingsBelowSettingsAreTaken()
    {
        var builder = Builder(Json("Files", "Development"));
        builder.Configuration["OrleansMq:Compaction:minAge"] = "00:01:00";
        builder.UseOrleans(silo => silo.AddOrleansMq());

        var host = await Start(builder);

        Assert.Equal(TimeSpan.FromMinutes(1), host.Services.GetRequiredService<Microsoft.Extensions.Options.IOptions<OrleansMqOptions>>().Value.Compaction.MinAge);
    }

    [Fact]
    public async Task AStorageOfTheConfigurationAndOneOfTheCodeContradictEachOther()
    {
        await using var storage = new VolatileStorage();
        var json = Json("Files", "Development");

        var set = await Assert.ThrowsAsync<OrleansConfigurationException>(() => Silo(json, silo => silo.AddOrleansMq(options => options.Storage = storage)));
        var registered = await Assert.ThrowsAsync<OrleansConfigurationException>(() => Silo(json, silo =>
        {
            silo.Services.AddSingleton<IStorage>(storage);
            silo.AddOrleansMq();
        }));

        Assert.Contains("OrleansMq:Storage is configured, and OrleansMqOptions.Storage is set in code", set.Message, StringComparison.Ordinal);
        Assert.Contains("OrleansMq:Storage is configured, and an IStorage is registered in code", registered.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ServiceKeyAndStorageOfAProviderContradictEachOther()
    {
        var json = Json("Shared", "OrleansMq").Replace("\"ProviderType\": \"OrleansMq\" }", $$"""
            "ProviderType": "OrleansMq", "ServiceKey": "k", "Storage": { "ProviderType": "Shared", "Directory": "{{Data}}" } }
            """, StringComparison.Ordinal);

        Assert.Contains("ServiceKey is 'k'", (await Assert.ThrowsAsync<OrleansConfigurationException>(() => Silo(json))).Message, StringComparison.Ordinal);
    }

    private string Data => Path.Combine(_folder.FullName, "data");

    /// <param name="storage">A kind, or the whole section.</param>
    private string Json(string storage, string clustering) => $$"""
        { "Orleans": { "ClusterId": "c", "ServiceId": "s", {{Ports()}},
                       "Clustering": { "ProviderType": "{{clustering}}" },
                       "GrainStorage": { "OrleansMq": { "ProviderType": "OrleansMq" } } },
          "OrleansMq": { "DefaultAcks": "Accepted",
                         "Storage": {{(storage.StartsWith('{') ? storage : $$"""{ "ProviderType": "{{storage}}", "Directory": "{{Data}}" }""")}} } }
        """;

    private static string Ports() => string.Create(CultureInfo.InvariantCulture, $$"""
        "Endpoints": { "AdvertisedIPAddress": "127.0.0.1", "SiloPort": {{FreePort.Take()}}, "GatewayPort": {{FreePort.Take()}} }
        """);

    private Task<IHost> Silo(string json, Action<ISiloBuilder>? configure = null)
    {
        var builder = Builder(json);
        builder.UseOrleans(configure ?? (silo => silo.AddOrleansMq()));
        return Start(builder);
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

    private async Task Stop(IHost host)
    {
        _hosts.Remove(host);
        await host.StopAsync();
        host.Dispose();
    }

    /// <summary>What is logged as a warning or worse.</summary>
    private sealed class Lines : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Written { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                Written.Enqueue(formatter(state, exception));
        }

        public void Dispose()
        {
        }
    }
}
