namespace OrleansMq.Core.Groups;

/// <summary>Topics that members want and that are there.</summary>
internal sealed class SeenTopics
{
    private readonly Dictionary<string, SeenTopic> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<Guid, SeenTopic> _byId = [];

    public IReadOnlyCollection<SeenTopic> All => _byName.Values;

    public SeenTopic? Find(string name) => _byName.GetValueOrDefault(name);

    public SeenTopic? Find(Guid id) => _byId.GetValueOrDefault(id);

    /// <param name="topic">Null: there is none of this name.</param>
    /// <returns>Whether it is another than before.</returns>
    public bool Put(string name, SeenTopic? topic)
    {
        var known = Find(name);
        // Looks may overtake each other, and a topic never has fewer partitions than it had.
        if (known == topic || (known is not null && topic is not null && known.Id == topic.Id && topic.Partitions < known.Partitions))
            return false;
        Remove(name);
        if (topic is not null)
            _byName[name] = _byId[topic.Id] = topic;
        return true;
    }

    public void Remove(string name)
    {
        if (_byName.Remove(name, out var topic))
            _byId.Remove(topic.Id);
    }
}
