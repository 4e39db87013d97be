namespace OrleansMq.Webhooks;

/// <summary>Pushes for every webhook of a file, and takes up the file's changes. A changed file that can't be read changes nothing.</summary>
public sealed class WebhookDesk : IAsyncDisposable
{
    /// <summary>How often the file is looked at.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    private readonly IBroker _broker;
    private readonly string _path;
    private readonly Action<string> _report;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<(TopicName Topic, GroupName Group), (Webhook Webhook, WebhookPush Push)> _pushes = [];
    private WebhookRules _rules = new();
    private byte[] _seen;

    // Of the last look, so that what stays broken is told once; null: it went well.
    private string? _failure;
    private Task _looking = Task.CompletedTask;

    private WebhookDesk(IBroker broker, string path, byte[] seen, Action<string> report, TimeProvider time) =>
        (_broker, _path, _seen, _report, _time) = (broker, path, seen, report, time);

    /// <exception cref="FormatException">The file can't be understood; it says where.</exception>
    /// <exception cref="IOException">It can't be read.</exception>
    public static async ValueTask<WebhookDesk> Start(IBroker broker, string path, Action<string> report, TimeProvider? time = null, CancellationToken cancel = default)
    {
        var bytes = await File.ReadAllBytesAsync(path, cancel);
        var file = WebhookFile.Parse(bytes);
        var desk = new WebhookDesk(broker, path, bytes, report, time ?? TimeProvider.System);
        await desk.TakeUp(file);
        desk._looking = desk.Look();
        return desk;
    }

    /// <summary>What each webhook has done since it was begun or changed.</summary>
    public IReadOnlyDictionary<(TopicName Topic, GroupName Group), WebhookStatistics> Statistics
    {
        get
        {
            lock (_pushes)
                return _pushes.ToDictionary(each => each.Key, each => each.Value.Push.Statistics);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _looking;
        await Task.WhenAll(_pushes.Values.Select(each => each.Push.DisposeAsync().AsTask()));
        _stop.Dispose();
    }

    private async Task Look()
    {
        while (true)
        {
            await Task.Delay(LookEvery, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            if (_stop.IsCancellationRequested)
                return;
            try
            {
                var bytes = await File.ReadAllBytesAsync(_path, _stop.Token);
                _failure = null;
                if (bytes.AsSpan().SequenceEqual(_seen))
                    continue;
                _seen = bytes;
                await TakeUp(WebhookFile.Parse(bytes));
                _report($"Webhooks were read again from {_path}.");
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                if (_failure != e.Message)
                    _report($"Webhooks in {_path} stay as they were: {e.Message.TrimEnd('.')}.");
                _failure = e.Message;
            }
        }
    }

    private async Task TakeUp(WebhookFile file)
    {
        var same = SameRules(file.Rules);
        _rules = file.Rules;
        var wanted = file.Webhooks.ToDictionary(webhook => (webhook.Topic, webhook.Group));
        List<WebhookPush> ended = [];
        lock (_pushes)
        {
            foreach (var (name, present) in _pushes.ToList())
            {
                if (same && wanted.TryGetValue(name, out var stays) && stays.Equals(present.Webhook))
                    continue;
                _pushes.Remove(name);
                ended.Add(present.Push);
            }
        }

        // Before the others begin: a group is pushed to one address at a time.
        await Task.WhenAll(ended.Select(push => push.DisposeAsync().AsTask()));
        lock (_pushes)
            foreach (var (name, webhook) in wanted)
                if (!_pushes.ContainsKey(name))
                    _pushes[name] = (webhook, new WebhookPush(_broker, webhook, _rules, _report, _time));
    }

    private bool SameRules(WebhookRules rules) => rules.AllowHttp == _rules.AllowHttp && rules.Networks.SequenceEqual(_rules.Networks);
}
