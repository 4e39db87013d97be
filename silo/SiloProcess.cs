using OrleansMq.Engine.Storage;
using OrleansMq.Gateways;
using OrleansMq.Gateways.Http;
using OrleansMq.Gateways.Kafka;
using OrleansMq.Webhooks;

namespace OrleansMq.Silo;

/// <summary>The broker and its gateways, from start to stop.</summary>
internal sealed partial class SiloProcess(SiloOptions options, ILoggerFactory loggers)
{
    /// <summary>The exit code where a switch or setting can't be.</summary>
    public const int WrongSetting = 2;

    // Of the 10 s that a stop may take: what is in flight, and then the last flush.
    private static readonly TimeSpan GatewaysMayTake = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan StopMayTake = TimeSpan.FromSeconds(9.5);

    private readonly ILogger _log = loggers.CreateLogger<SiloProcess>();

    /// <summary>Runs until <paramref name="stop"/>; prints the ready line once every gateway answers.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> Run(TextWriter output, TextWriter errors, CancellationToken stop)
    {
        IBrokerHost? host = null;
        SecurityHost? security = null;
        WebhookDesk? webhooks = null;
        ReconcileDesk? reconciling = null;
        TenantDesks? ofTenants = null;
        var gateways = new List<IGateway>();
        try
        {
            host = await StartHost(stop);
            security = await SecurityHost.Start(options.Security, host, loggers, LogReport, stop);
            webhooks = await StartWebhooks(host, stop);
            await StartGateways(host, security.Security, gateways, stop);
            reconciling = new ReconcileDesk(host.Broker, LogReport);
            if (security.Security.Access is { } access)
                ofTenants = new TenantDesks(host.Broker, tenant => access.OfTenant(host.Broker, tenant), LogReport);
            var addresses = gateways.Select(gateway => $" {gateway.Name}={gateway.Address}");
            await output.WriteLineAsync($"orleansmq ready{string.Concat(addresses)}".AsMemory(), stop);
            await output.FlushAsync(stop);
            await WaitFor(stop);
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 0;
        }
        catch (SettingException e)
        {
            await errors.WriteLineAsync(e.Message);
            return WrongSetting;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or StorageException or MqException)
        {
            LogStartFailed(e);
            await errors.WriteLineAsync($"orleansmq can't start: {FirstLine(e.Message)}");
            return 1;
        }
        finally
        {
            await Stop(host, security, gateways, [webhooks, reconciling, ofTenants]);
        }
    }

    private async ValueTask StartGateways(IBrokerHost host, GatewaySecurity security, List<IGateway> gateways, CancellationToken stop)
    {
        if (options.Http is { } port)
            gateways.Add(await Ports.Listening("http", options.Listen, port, HttpGateway.Start(host.Broker, new HttpGatewayOptions { Address = options.Listen, Port = port, Security = security, BrokerMetrics = host.Metrics }, loggers, stop)));
        if (options.Kafka is { } kafka)
            gateways.Add(await Ports.Listening("kafka", options.Listen, kafka, KafkaGateway.Start(host.Broker, new KafkaGatewayOptions { Address = options.Listen, Port = kafka, Security = security, Advertise = options.KafkaAdvertise, DefaultPartitions = options.KafkaPartitions, ConsumerSession = options.KafkaConsumerSession, ConsumerHeartbeat = options.KafkaConsumerHeartbeat, Node = host.Node }, loggers, stop)));
        foreach (var gateway in gateways)
            host.Announce(gateway.Name, options.AnnouncementOf(gateway.Announced));
    }

    private async ValueTask<WebhookDesk?> StartWebhooks(IBrokerHost host, CancellationToken stop)
    {
        if (options.Webhooks is null && !options.WebhooksApi)
            return null;
        var sources = new WebhookSources { File = options.Webhooks?.Value, Store = options.WebhooksApi ? new DocumentWebhookStore(host.Documents) : null, Node = host.Node };
        try
        {
            var desk = await WebhookDesk.Start(host.Broker, sources, LogReport, cancel: stop);
            if (desk.Directory is { } directory)
                host.Offer(directory);
            return desk;
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException && options.Webhooks is not null)
        {
            throw new SettingException($"{options.Webhooks?.From} {options.Webhooks?.Value}: {FirstLine(e.Message).TrimEnd('.')}.");
        }
    }

    private async Task Stop(IBrokerHost? host, SecurityHost? security, List<IGateway> gateways, IAsyncDisposable?[] desks)
    {
        // A flush that hangs must not keep the process beyond its time; what was acknowledged is on disk already.
        using var watchdog = new Timer(_ => Environment.Exit(1), null, StopMayTake, Timeout.InfiniteTimeSpan);
        using var hurry = new CancellationTokenSource(GatewaysMayTake);
        await Task.WhenAll([.. desks.Select(desk => desk?.DisposeAsync().AsTask() ?? Task.CompletedTask), .. gateways.Select(gateway => gateway.Stop(hurry.Token).AsTask())]);
        foreach (var gateway in gateways)
            await gateway.DisposeAsync();
        if (security is not null)
            await security.DisposeAsync();
        // Nothing was started, nothing has stopped: the line that says why stands alone.
        if (host is null)
            return;
        await host.DisposeAsync();
        LogStopped();
    }

    private async ValueTask<IBrokerHost> StartHost(CancellationToken stop)
    {
#if ORLEANS
        if (options.Orleans)
            return await OrleansHost.Start(options, loggers, LogReport, stop);
#endif
        stop.ThrowIfCancellationRequested();
        return await EmbeddedHost.Start(options, LogReport);
    }

    private static async Task WaitFor(CancellationToken stop)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = stop.Register(stopped.SetResult);
        await stopped.Task;
    }

    private static string FirstLine(string text) => text.Split('\n')[0].TrimEnd();

    [LoggerMessage(LogLevel.Warning, "{Report}")]
    private partial void LogReport(string report);

    [LoggerMessage(LogLevel.Debug, "The start failed.")]
    private partial void LogStartFailed(Exception why);

    [LoggerMessage(LogLevel.Information, "Stopped.")]
    private partial void LogStopped();
}
