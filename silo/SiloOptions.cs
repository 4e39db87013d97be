using System.Globalization;
using System.Net;

namespace OrleansMq.Silo;

/// <summary>A switch or setting that can't be: the program ends with 2 and this one line.</summary>
public sealed class SettingException(string line) : Exception(line);

/// <summary>A setting as it was given.</summary>
/// <param name="From">How whoever gave it knows it: <c>--http</c>, <c>ORLEANSMQ_HTTP</c>, <c>appsettings.json: http</c>.</param>
public readonly record struct Setting(string Value, string From);

/// <summary>Where the log lies.</summary>
public enum StoragePlace
{
    /// <summary>This machine's disk.</summary>
    Files = 0,

    /// <summary>A folder that every silo of the cluster uses.</summary>
    Shared = 1,

    /// <summary>Append blobs.</summary>
    Blobs = 2,
}

/// <summary>What the program was told, checked.</summary>
public sealed record SiloOptions
{
    /// <summary>Gateways of the design that are not built yet: each switch is there and accepts <c>off</c> alone.</summary>
    public static readonly IReadOnlyList<string> GatewaysToCome = ["amqp", "redis", "mqtt", "stomp"];

    /// <summary>Every name there is, in the order of the help text.</summary>
    public static readonly IReadOnlyList<string> Names =
        ["data", "host", "storage", "blobs", "cluster", "silo-port", "gateway-port", "silo-address", "membership", "listen", "insecure", "http", "kafka", "kafka-advertise", "kafka-partitions", "kafka-consumer-session", "kafka-consumer-heartbeat", .. GatewaysToCome, "acks", "journal", "webhooks", "webhooks-api", .. SecurityOptions.Names];

    /// <summary>Switches that need no value.</summary>
    public static readonly IReadOnlyList<string> Flags = ["insecure", "webhooks-api"];

    private const string Off = "off";

#if ORLEANS
    private const bool HasOrleans = true;
#else
    private const bool HasOrleans = false;
#endif

    /// <summary>Where the file log and documents live.</summary>
    public string Data { get; private init; } = "./data";

    /// <summary>Whether this is a silo; else one process is the whole broker.</summary>
    public bool Orleans { get; private init; }

    public StoragePlace Storage { get; private init; }

    /// <summary>The connection string where the log lies on append blobs, else null. A secret, so not among what a record prints.</summary>
    internal Setting? Blobs { get; private init; }

    /// <summary>Orleans' cluster; of no effect where the host is embedded, as the next four.</summary>
    public string Cluster { get; private init; } = "orleansmq";

    /// <summary>Where Orleans' two ports are, and where other silos and Orleans clients are told to find them.</summary>
    public IPAddress SiloAddress { get; private init; } = IPAddress.Loopback;

    /// <summary>Whether dead silos are found by our settings; else by Orleans' own.</summary>
    public bool TunedMembership { get; private init; } = true;

    public int SiloPort { get; private init; } = 11111;

    public int GatewayPort { get; private init; } = 30000;

    /// <summary>Address of every gateway.</summary>
    public IPAddress Listen { get; private init; } = IPAddress.Loopback;

    /// <summary>Null: no HTTP. 0: a free port.</summary>
    public int? Http { get; private init; } = 8080;

    /// <summary>Null: no Kafka. 0: a free port.</summary>
    public int? Kafka { get; private init; } = 9092;

    /// <summary>Where Kafka's clients find this node, as <c>host:port</c>; null: where it listens.</summary>
    public string? KafkaAdvertise { get; private init; }

    /// <summary>Partitions of a topic that Kafka's clients make by use, or without saying how many.</summary>
    public int KafkaPartitions { get; private init; } = 1;

    /// <summary>Of members of the consumer protocol: silent for so long, they are out.</summary>
    public TimeSpan KafkaConsumerSession { get; private init; } = TimeSpan.FromSeconds(45);

    /// <summary>How often they say that they are there.</summary>
    public TimeSpan KafkaConsumerHeartbeat { get; private init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether an acknowledgement means on disk, where neither client nor topic says; else it means written.</summary>
    public bool Durable { get; private init; } = true;

    /// <summary>Whether the data folder has a journal.</summary>
    public bool Journal { get; init; }

    /// <summary>The file of groups that are pushed over HTTP, else null.</summary>
    public Setting? Webhooks { get; private init; }

    /// <summary>Whether administrators may register webhooks with the broker.</summary>
    public bool WebhooksApi { get; private init; }

    /// <summary>Who may come in, and TLS.</summary>
    public SecurityOptions Security { get; private init; } = new();

    /// <summary>Where the other nodes, and their clients, are told that a gateway is. "Everywhere" is nowhere to them: then it is where the other silos find this one.</summary>
    public string AnnouncementOf(string address) =>
        Orleans && !IPAddress.IsLoopback(SiloAddress) && IPEndPoint.TryParse(address, out var at) && (at.Address.Equals(IPAddress.Any) || at.Address.Equals(IPAddress.IPv6Any))
            ? new IPEndPoint(SiloAddress, at.Port).ToString()
            : address;

    /// <param name="settings">By name; the strongest source alone.</param>
    /// <exception cref="SettingException">One can't be, or two contradict each other.</exception>
    public static SiloOptions Of(IReadOnlyDictionary<string, Setting> settings)
    {
        var unknown = settings.Keys.FirstOrDefault(name => !Names.Contains(name));
        if (unknown is not null)
            throw new SettingException($"{settings[unknown].From} is no setting of orleansmq; see --help.");
        var options = new SiloOptions();
        var security = SecurityOptions.Of(settings);
        options = options with
        {
            Security = security,
            Data = Text(settings, "data") ?? options.Data,
            Blobs = OnBlobs(settings),
            Cluster = Text(settings, "cluster") ?? options.Cluster,
            SiloPort = Port(settings, "silo-port", 1) ?? options.SiloPort,
            GatewayPort = Port(settings, "gateway-port", 1) ?? options.GatewayPort,
            SiloAddress = Address(settings, "silo-address") ?? options.SiloAddress,
            TunedMembership = Word(settings, "membership", "tuned", "defaults") is null or "tuned",
            Orleans = Word(settings, "host", "embedded", "orleans") is "orleans",
            Storage = Word(settings, "storage", "files", "shared", "blobs") switch { "shared" => StoragePlace.Shared, "blobs" => StoragePlace.Blobs, _ => StoragePlace.Files },
            Listen = Address(settings, "listen") ?? options.Listen,
            Http = IsOff(settings, "http") ? null : Port(settings, "http", 0) ?? options.Http,
            Kafka = IsOff(settings, "kafka") ? null : Port(settings, "kafka", 0) ?? options.Kafka,
            KafkaAdvertise = HostAndPort(settings, "kafka-advertise"),
            KafkaPartitions = Number(settings, "kafka-partitions", 1, TopicSettings.MaxPartitions) ?? options.KafkaPartitions,
            KafkaConsumerSession = Milliseconds(settings, "kafka-consumer-session", 1_000, 1_800_000) ?? options.KafkaConsumerSession,
            KafkaConsumerHeartbeat = Milliseconds(settings, "kafka-consumer-heartbeat", 10, 1_799_999) ?? options.KafkaConsumerHeartbeat,
            Webhooks = Text(settings, "webhooks") is null ? null : settings["webhooks"],
            WebhooksApi = Word(settings, "webhooks-api", "true", "false") is "true",
            Durable = Word(settings, "acks", "durable", "accepted") is null or "durable",
            Journal = Word(settings, "journal", "on", "off") is "on",
        };
        RefuseWhatIsNotBuilt(settings);
        RefuseContradictions(settings, options);
        if (!IPAddress.IsLoopback(options.Listen) && !security.FitForStrangers)
        {
            throw new SettingException(
                $"{settings["listen"].From} {options.Listen}: others can reach it; say --access on, --tls-certificate FILE and --tls-key FILE as well, keep 127.0.0.1, or say --insecure.");
        }
        if (!IPAddress.IsLoopback(options.SiloAddress) && !security.OrleansPortsFitForStrangers)
        {
            throw new SettingException(
                $"{settings["silo-address"].From} {options.SiloAddress}: others can reach Orleans' own ports there, and who connects to them may do everything; say --orleans-tls-certificate FILE, --orleans-tls-key FILE and --orleans-tls-roots FILE as well, keep 127.0.0.1, or say --insecure where the network is your silos' alone.");
        }
        return options;
    }

    private static void RefuseWhatIsNotBuilt(IReadOnlyDictionary<string, Setting> settings)
    {
        if (!HasOrleans && Word(settings, "host", "embedded", "orleans") is "orleans")
            throw new SettingException($"{settings["host"].From} orleans: this build has no Orleans; leave it out, or say embedded.");
        foreach (var name in GatewaysToCome)
            if (settings.TryGetValue(name, out var setting) && setting.Value != Off)
                throw new SettingException($"{setting.From} {setting.Value}: this gateway is not built yet; leave it out, or say off.");
    }

    private static void RefuseContradictions(IReadOnlyDictionary<string, Setting> settings, SiloOptions options)
    {
        if (options.Journal && (options.Storage != StoragePlace.Files || options.Blobs is not null))
            throw new SettingException($"{settings["journal"].From} on: is for a data folder of one process alone (--storage files); leave it out, or say off.");
        if (options.Storage == StoragePlace.Shared && !options.Orleans)
            throw new SettingException($"{settings["storage"].From} shared: is for several silos, and the host is embedded; say --host orleans as well, or --storage files.");
        if (options.Orleans && options.SiloPort == options.GatewayPort)
            throw new SettingException($"--silo-port and --gateway-port are both {options.SiloPort}; each needs its own.");
        if (options.KafkaConsumerHeartbeat >= options.KafkaConsumerSession)
            throw new SettingException($"--kafka-consumer-heartbeat is {options.KafkaConsumerHeartbeat.TotalMilliseconds} and --kafka-consumer-session {options.KafkaConsumerSession.TotalMilliseconds}: members have to be heard within their session.");
        if (options.WebhooksApi && !options.Security.On && !IPAddress.IsLoopback(options.Listen))
            throw new SettingException($"{settings["webhooks-api"].From}: strangers at {options.Listen} would have this machine call addresses; say --access on as well, or keep 127.0.0.1.");
        if (options.Security.OrleansTlsCertificate is not null && !options.Orleans)
            throw new SettingException($"{settings["orleans-tls-certificate"].From}: is for --host orleans, which is not said; leave it out, or say that too.");
    }

    private static Setting? OnBlobs(IReadOnlyDictionary<string, Setting> settings)
    {
        var given = Text(settings, "blobs") is not null;
        if (Word(settings, "storage", "files", "shared", "blobs") is not "blobs")
            return given ? throw new SettingException($"{settings["blobs"].From}: is for --storage blobs, which is not said; leave it out, or say that too.") : null;
#if BLOBS
        return given ? settings["blobs"] : throw new SettingException($"{settings["storage"].From} blobs: needs --blobs CONNECTION, a storage account's connection string.");
#else
        throw new SettingException($"{settings["storage"].From} blobs: this build has no Azure.Storage.Blobs; leave it out, or say files.");
#endif
    }

    internal static string? Text(IReadOnlyDictionary<string, Setting> settings, string name)
    {
        if (!settings.TryGetValue(name, out var setting))
            return null;
        return string.IsNullOrWhiteSpace(setting.Value) ? throw new SettingException($"{setting.From} is empty.") : setting.Value;
    }

    internal static string? Word(IReadOnlyDictionary<string, Setting> settings, string name, params string[] words)
    {
        if (!settings.TryGetValue(name, out var setting))
            return null;
        // The configuration's own readers write true and false with a capital.
        var word = setting.Value.ToLowerInvariant();
        return words.Contains(word) ? word : throw new SettingException($"{setting.From} {setting.Value}: {string.Join(" or ", words)}.");
    }

    private static bool IsOff(IReadOnlyDictionary<string, Setting> settings, string name) =>
        settings.TryGetValue(name, out var setting) && setting.Value == Off;

    private static int? Port(IReadOnlyDictionary<string, Setting> settings, string name, int min)
    {
        if (!settings.TryGetValue(name, out var setting))
            return null;
        return int.TryParse(setting.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port >= min && port <= IPEndPoint.MaxPort
            ? port
            : throw new SettingException($"{setting.From} {setting.Value}: a port from {min} to {IPEndPoint.MaxPort}{(min == 0 ? ", or off" : "")}.");
    }

    private static int? Number(IReadOnlyDictionary<string, Setting> settings, string name, int min, int max)
    {
        if (!settings.TryGetValue(name, out var setting))
            return null;
        return int.TryParse(setting.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
            ? number
            : throw new SettingException($"{setting.From} {setting.Value}: a number from {min} to {max}.");
    }

    private static TimeSpan? Milliseconds(IReadOnlyDictionary<string, Setting> settings, string name, int min, int max) =>
        Number(settings, name, min, max) is { } ms ? TimeSpan.FromMilliseconds(ms) : null;

    private static string? HostAndPort(IReadOnlyDictionary<string, Setting> settings, string name)
    {
        if (Text(settings, name) is not { } text)
            return null;
        var colon = text.LastIndexOf(':');
        return colon > 0 && ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0
            ? text
            : throw new SettingException($"{settings[name].From} {text}: a host and a port, such as broker.example:9092.");
    }

    private static IPAddress? Address(IReadOnlyDictionary<string, Setting> settings, string name)
    {
        if (Text(settings, name) is not { } text)
            return null;
        if (text == "localhost")
            return IPAddress.Loopback;
        // "1" is an address to the framework, and a slip to us.
        return IPAddress.TryParse(text, out var address) && (text.Contains('.', StringComparison.Ordinal) || text.Contains(':', StringComparison.Ordinal))
            ? address
            : throw new SettingException($"{settings[name].From} {text}: an IP address such as 127.0.0.1.");
    }
}
