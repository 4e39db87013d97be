namespace OrleansMq.Webhooks;

/// <summary>Where a <see cref="WebhookDesk"/> has its webhooks from.</summary>
public sealed record WebhookSources
{
    /// <summary>The operator's file. Null: there is none.</summary>
    public string? File { get; init; }

    /// <summary>Where those are kept that are registered with the broker. Null: it takes none.</summary>
    public IWebhookStore? Store { get; init; }

    /// <summary>This process, where it says how a webhook fares.</summary>
    public string Node { get; init; } = Environment.MachineName;
}

/// <summary>Pushes for every webhook of a file, and for those that are registered with the broker, and takes up changes. A source that can't be read changes nothing.</summary>
public sealed class WebhookDesk : IAsyncDisposable
{
    /// <summary>How often the file is looked at.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    /// <summary>How often it is looked at what other nodes have registered.</summary>
    public static readonly TimeSpan LookIntoBookEvery = TimeSpan.FromSeconds(2);

    private readonly WebhookPushes _pushes;
    private readonly WebhookSources _sources;
    private readonly WebhookBook? _book;
    private readonly Action<string> _report;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();

    // Held while webhooks are taken up.
    private readonly SemaphoreSlim _turn = new(1);
    private volatile WebhookFile _file = new(new(), []);
    private byte[] _fileSeen = [];

    // Registered ones that are not pushed, and why.
    private volatile Dictionary<(TopicName Topic, GroupName Group), string> _off = [];
    private volatile IReadOnlyList<Webhook>? _takenUp;
    private Task[] _looking = [];

    private WebhookDesk(IBroker broker, WebhookSources sources, Action<string> report, TimeProvider time)
    {
        (_sources, _report, _time, _pushes) = (sources, report, time, new WebhookPushes(broker, report, time));
        if (sources.Store is { } store)
        {
            _book = new WebhookBook(store);
            Directory = new WebhookDirectory(this, _book, broker);
        }
    }

    /// <summary>To register webhooks with. Null without <see cref="WebhookSources.Store"/>.</summary>
    public IWebhookDirectory? Directory { get; }

    /// <summary>What each webhook has done since it was begun or changed.</summary>
    public IReadOnlyDictionary<(TopicName Topic, GroupName Group), WebhookStatistics> Statistics => _pushes.Statistics;

    /// <summary>With a file alone.</summary>
    /// <exception cref="FormatException">The file can't be understood; it says where.</exception>
    /// <exception cref="IOException">It can't be read.</exception>
    public static ValueTask<WebhookDesk> Start(IBroker broker, string path, Action<string> report, TimeProvider? time = null, CancellationToken cancel = default) =>
        Start(broker, new WebhookSources { File = path }, report, time, cancel);

    /// <exception cref="FormatException">The file can't be understood; it says where.</exception>
    /// <exception cref="IOException">It can't be read.</exception>
    public static async ValueTask<WebhookDesk> Start(IBroker broker, WebhookSources sources, Action<string> report, TimeProvider? time = null, CancellationToken cancel = default)
    {
        var desk = new WebhookDesk(broker, sources, report, time ?? TimeProvider.System);
        if (sources.File is { } path)
        {
            desk._fileSeen = await File.ReadAllBytesAsync(path, cancel);
            desk._file = WebhookFile.Parse(desk._fileSeen);
        }

        await desk.TakeUp();
        desk._looking =
        [
            sources.File is null ? Task.CompletedTask : desk.KeepLooking(LookEvery, desk.LookAtFile, sources.File),
            sources.Store is null ? Task.CompletedTask : desk.KeepLooking(LookIntoBookEvery, desk.LookIntoBook, "the broker's documents", atOnce: true),
        ];
        return desk;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_looking);
        await _turn.WaitAsync();
        await _pushes.DisposeAsync();
        _turn.Release();
    }

    internal bool IsStopping => _stop.IsCancellationRequested;

    internal string Node => _sources.Node;

    internal WebhookRules ApiRules => _file.ApiRules;

    internal bool IsInFile(TopicName topic, GroupName group) => _file.Webhooks.Any(webhook => webhook.Topic == topic && webhook.Group == group);

    internal string? WhyOff(TopicName topic, GroupName group) => _off.GetValueOrDefault((topic, group));

    internal WebhookPush? Find(TopicName topic, GroupName group) => _pushes.Find(topic, group);

    internal async Task LookIntoBook(CancellationToken cancel)
    {
        await _book!.Look(cancel);
        if (!ReferenceEquals(_takenUp, _book.Webhooks))
            await TakeUp();
    }

    /// <summary>Takes up what is known of both sources. The operator's file comes first.</summary>
    internal async Task TakeUp()
    {
        await _turn.WaitAsync();
        try
        {
            if (_stop.IsCancellationRequested)
                return;
            var (file, registered, off) = (_file, _book?.Webhooks ?? [], new Dictionary<(TopicName, GroupName), string>());
            var wanted = file.Webhooks.ToDictionary(webhook => (webhook.Topic, webhook.Group), webhook => new RuledWebhook(webhook, file.Rules));
            foreach (var webhook in registered)
            {
                var name = (webhook.Topic, webhook.Group);
                if (wanted.ContainsKey(name))
                    off[name] = "the operator's file has a webhook of this group";
                else if (FaultOf(webhook, file.ApiRules) is { } fault)
                    off[name] = fault;
                else
                    wanted[name] = new RuledWebhook(webhook, file.ApiRules);
            }

            _off = off;
            await _pushes.TakeUp(wanted.Values);
            _takenUp = registered;
        }
        finally
        {
            _turn.Release();
        }
    }

    // The rules may have become stricter since it was registered.
    private static string? FaultOf(Webhook webhook, WebhookRules rules)
    {
        try
        {
            webhook.Checked(rules);
            return null;
        }
        catch (FormatException e)
        {
            return e.Message;
        }
    }

    private async Task LookAtFile(CancellationToken cancel)
    {
        var bytes = await File.ReadAllBytesAsync(_sources.File!, cancel);
        if (bytes.AsSpan().SequenceEqual(_fileSeen))
            return;
        _fileSeen = bytes;
        _file = WebhookFile.Parse(bytes);
        await TakeUp();
        _report($"Webhooks were read again from {_sources.File}.");
    }

    private async Task KeepLooking(TimeSpan every, Func<CancellationToken, Task> look, string source, bool atOnce = false)
    {
        // Of the last look, so that what stays broken is told once; null: it went well.
        string? failure = null;
        for (var wait = !atOnce; ; wait = true)
        {
            if (wait)
                await Task.Delay(every, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            if (_stop.IsCancellationRequested)
                return;
            try
            {
                await look(_stop.Token);
                failure = null;
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                if (failure != e.Message)
                    _report($"Webhooks in {source} stay as they were: {e.Message.TrimEnd('.')}.");
                failure = e.Message;
            }
        }
    }
}
