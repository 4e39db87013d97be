namespace OrleansMq.Core.Groups;

/// <summary>What became of looking for a topic.</summary>
/// <param name="Begun">Rises from each look of a group to the next that begins.</param>
/// <param name="Answered">If not, what was known before holds.</param>
/// <param name="Topic">Null: there is none of this name.</param>
public readonly record struct TopicLook(long Begun, bool Answered, SeenTopic? Topic);

/// <summary>Topics that members want and that are there.</summary>
internal sealed class SeenTopics
{
    private readonly Dictionary<string, SeenTopic> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<Guid, SeenTopic> _byId = [];

    /// <summary>By name, when the last look began, and the last of those that were answered.</summary>
    private readonly Dictionary<string, (long Any, long Answered)> _looks = new(StringComparer.Ordinal);

    public IReadOnlyCollection<SeenTopic> All => _byName.Values;

    public SeenTopic? Find(string name) => _byName.GetValueOrDefault(name);

    public SeenTopic? Find(Guid id) => _byId.GetValueOrDefault(id);

    /// <summary>When it was last looked for, answered or not; below all looks where it never was.</summary>
    public long LookedFor(string name) => _looks.TryGetValue(name, out var looks) ? looks.Any : long.MinValue;

    /// <returns>Whether it is another topic than before.</returns>
    public bool Put(string name, TopicLook look)
    {
        var (any, answered) = _looks.GetValueOrDefault(name, (long.MinValue, long.MinValue));
        // Looks may overtake each other.
        var holds = look.Answered && look.Begun >= answered;
        _looks[name] = (Math.Max(look.Begun, any), holds ? look.Begun : answered);
        return holds && Put(name, look.Topic);
    }

    public void Restore(SeenTopic topic) => Put(topic.Name, topic);

    /// <summary>Nobody wants it any more.</summary>
    public void Remove(string name)
    {
        _looks.Remove(name);
        Drop(name);
    }

    private bool Put(string name, SeenTopic? topic)
    {
        var known = Find(name);
        // A topic never has fewer partitions than it had.
        if (known == topic || (known is not null && topic is not null && known.Id == topic.Id && topic.Partitions < known.Partitions))
            return false;
        Drop(name);
        if (topic is not null)
            _byName[name] = _byId[topic.Id] = topic;
        return true;
    }

    private void Drop(string name)
    {
        if (_byName.Remove(name, out var topic))
            _byId.Remove(topic.Id);
    }
}
