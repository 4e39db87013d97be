using System.Collections.Concurrent;

namespace OrleansMq.Access;

/// <summary>Groups of which something was found out, so that each use need not ask the broker for it again.</summary>
internal sealed class SeenGroups
{
    private const int Max = 4_096;

    private readonly ConcurrentDictionary<(TopicName Topic, GroupName Group), bool> _seen = new();

    public bool Has(TopicName topic, GroupName group) => _seen.ContainsKey((topic, group));

    public void Add(TopicName topic, GroupName group)
    {
        if (_seen.Count >= Max)
            _seen.Clear();
        _seen[(topic, group)] = true;
    }

    public void Remove(TopicName topic, GroupName group) => _seen.TryRemove((topic, group), out _);

    public void Remove(TopicName topic)
    {
        foreach (var key in _seen.Keys.Where(key => key.Topic == topic))
            _seen.TryRemove(key, out _);
    }
}
