using OrleansMq.Embedded;
using OrleansMq.Core.Snapshots;
using OrleansMq.Engine.Storage;

namespace OrleansMq;

/// <summary>What the broker does by itself: idle partitions are closed, lapsed groups dropped, and retention looks at what nobody opens.</summary>
public sealed partial class EmbeddedBroker
{
    /// <summary>Every so many hours all topics are looked at, also those that nobody used since the start.</summary>
    private const int HoursOfARound = 24;

    private const int ClosedAtOnce = 16;

    private async void EachHour() => await Upkeep(async () =>
    {
        await Try("(groups)", "a group that lapsed could not be dropped", _coordinator.DropLapsed);
        await Try("(transactions)", "a transactional id that lapsed could not be dropped", _transactions.DropLapsed);
        foreach (var topic in OpenTopics())
            await Try(topic.Name, "a group that lapsed could not be dropped", topic.DropLapsedGroups);
        if (_hours++ % HoursOfARound != 0)
            return;
        foreach (var name in await _catalog.TopicNames())
            if (!_closed)
                await Try(name, "retention could not run where nobody opens a partition", async () => await LookAfter(name));
    });

    /// <summary>What is loaded for this alone is forgotten again at once.</summary>
    private async Task LookAfter(TopicName name)
    {
        var loaded = _topics.ContainsKey(name.Text);
        if (await FindTopic(name) is not { } topic)
            return;
        await topic.DropLapsedGroups();
        await topic.RetainClosed();
        if (loaded)
            return;
        // The first call takes note of what was used, the second finds it unused since.
        await Forget(topic);
        await Forget(topic);
    }

    private async void CloseIdle()
    {
        // Its next turn comes soon enough.
        if (_upkeep.CurrentCount == 0)
            return;
        await Upkeep(async () =>
        {
            // Side by side: each waits for the disk, and more may become idle meanwhile than one after the other are closed.
            foreach (var some in OpenTopics().Chunk(ClosedAtOnce))
                await Task.WhenAll(some.Select(topic => Try(topic.Name, "idle partitions could not be closed", async () => await Forget(topic))));
        });
    }

    private async Task Forget(EmbeddedTopic topic)
    {
        if (!_closed && await topic.Rest())
            Drop(topic);
    }

    /// <summary>Forgets this very topic; another that is there under its name by now stays.</summary>
    private void Drop(EmbeddedTopic topic)
    {
        if (_topics.TryGetValue(topic.Name, out var loading) && loading is { IsValueCreated: true, Value.IsCompletedSuccessfully: true } && loading.Value.Result == topic)
            _topics.TryRemove(new KeyValuePair<string, Lazy<Task<EmbeddedTopic?>>>(topic.Name, loading));
    }

    private async Task Upkeep(Func<Task> work)
    {
        await _upkeep.WaitAsync();
        try
        {
            if (!_closed)
                await Try("(all)", "upkeep could not run", work);
        }
        finally
        {
            _upkeep.Release();
        }
    }

    private async Task Try(string topic, string what, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception error) when (error is MqException or StorageException or StateFormatException)
        {
            if (!_closed)
                _options.OnReport($"Topic {topic}: {what}, it is tried again: {error.Message}");
        }
    }
}
