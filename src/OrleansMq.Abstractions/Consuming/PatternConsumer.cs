namespace OrleansMq;

/// <summary>
/// Consumes all topics that match a pattern, each with a consumer of its own: order, leases and acknowledgements are those of its topic, and a slow topic stops no other. Topics that are
/// new are found, those that are gone are left.
/// </summary>
/// <remarks>
/// It sees what its caller may see: <see cref="IBroker.ListTopics"/> shows nothing else. The group is made on first use in each topic; then it begins at the earliest message, so that
/// nothing is missed of a topic that is found late.
/// </remarks>
public sealed class PatternConsumer : IAsyncDisposable
{
    private const int ListPage = 1_000;

    private readonly IBroker _broker;
    private readonly TopicPattern _pattern;
    private readonly PatternOptions _options;
    private readonly Func<TopicName, IAsyncDisposable> _start;
    private readonly Rounds _rounds;

    // Changed by the rounds alone, which come one after the other.
    private readonly SortedDictionary<string, IAsyncDisposable> _consumers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Task> _closing = new(StringComparer.Ordinal);
    private volatile PatternStatistics _statistics = new([], 0, 0, 0);

    /// <param name="start">Starts what consumes one topic.</param>
    public PatternConsumer(IBroker broker, TopicPattern pattern, Func<TopicName, IAsyncDisposable> start, PatternOptions? options = null, TimeProvider? time = null)
    {
        (_broker, _pattern, _start) = (broker, pattern, start);
        _options = (options ?? new()).Checked();
        _ = pattern.Text;
        _rounds = new Rounds(Round, _options.DiscoveryInterval, FirstRetry, _options.DiscoveryInterval, Failed, time ?? TimeProvider.System);
    }

    public PatternStatistics Statistics => _statistics;

    private TimeSpan FirstRetry => TimeSpan.FromMilliseconds(Math.Min(100, _options.DiscoveryInterval.TotalMilliseconds));

    /// <summary>Looks for topics now, and not only when the interval is over.</summary>
    public void Look() => _rounds.Wake();

    /// <summary>Closes all consumers, side by side.</summary>
    public async ValueTask DisposeAsync()
    {
        await _rounds.DisposeAsync();
        foreach (var topic in _consumers.Keys.ToList())
            Close(topic);
        foreach (var closing in _closing.Values)
            await closing;
    }

    private async Task<bool> Round(CancellationToken cancel)
    {
        var found = await Find(cancel);
        foreach (var gone in _consumers.Keys.Where(topic => !found.Contains(topic)).ToList())
            Close(gone);
        foreach (var closed in _closing.Where(each => each.Value.IsCompleted).Select(each => each.Key).ToList())
            _closing.Remove(closed);
        var beyond = 0;
        // One that is made again while its consumer closes has to wait: two of one name would be one member.
        foreach (var topic in found.Where(topic => !_consumers.ContainsKey(topic) && !_closing.ContainsKey(topic)))
        {
            if (_consumers.Count >= _options.MaxTopics)
                beyond++;
            else
                Begin(new TopicName(topic));
        }

        Tell(beyond);
        return false;
    }

    /// <summary>The application's own word: where it fails, the others' topics go on, and this one is asked for in the next round.</summary>
    private void Begin(TopicName topic)
    {
        try
        {
            _consumers[topic.Text] = _start(topic);
        }
        catch (Exception failure)
        {
            Failed(failure);
        }
    }

    private async Task<SortedSet<string>> Find(CancellationToken cancel)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        string? after = null;
        do
        {
            var page = await _broker.ListTopics(_pattern.Prefix, after, ListPage, cancel);
            foreach (var topic in page.Items)
                if (_pattern.Matches(topic))
                    found.Add(topic.Text);
            after = page.Next;
        }
        while (after is not null);
        return found;
    }

    // Not awaited: a handler that is stuck would hold up what the other topics need.
    private void Close(string topic)
    {
        _consumers.Remove(topic, out var consumer);
        _closing[topic] = Closed(consumer!);
    }

    private async Task Closed(IAsyncDisposable consumer)
    {
        try
        {
            await consumer.DisposeAsync();
        }
        catch (Exception e)
        {
            _options.OnError?.Invoke(e);
        }
    }

    private void Tell(int beyond)
    {
        var before = _statistics;
        _statistics = before with { Topics = [.. _consumers.Keys.Select(topic => new TopicName(topic))], BeyondLimit = beyond, Rounds = before.Rounds + 1 };
        if (beyond > before.BeyondLimit)
            _options.OnError?.Invoke(new MqException(
                ErrorCodes.QuotaReached, $"'{_pattern}' matches {beyond} topics more than the {_options.MaxTopics} of {nameof(PatternOptions.MaxTopics)}; they are not consumed."));
    }

    private void Failed(Exception e)
    {
        _statistics = _statistics with { Errors = _statistics.Errors + 1 };
        _options.OnError?.Invoke(e);
    }
}
