using System.Collections.Concurrent;

namespace OrleansMq.Gateways.Kafka;

/// <summary>Which name a topic's id has, as far as this gateway saw it. Nothing is believed: whoever reads by a name from here says the id too, and is refused where the topic has another.</summary>
/// <remarks>By who asks, because tenants have names of their own.</remarks>
internal sealed class TopicIds(TimeProvider time)
{
    /// <summary>Beyond it all are forgotten, and found again.</summary>
    public const int MaxKept = 100_000;

    /// <summary>One search for an id in so much time, whoever asks: ids may be made up.</summary>
    public static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    /// <summary>A search looks at no topic that was seen so lately. So late an id is found whose topic was made anew under its name, elsewhere, and that nobody named here since.</summary>
    public static readonly TimeSpan SureFor = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<(string Who, Guid Id), string> _names = new();
    private readonly ConcurrentDictionary<(string Who, string Name), (Guid Id, long SeenAt)> _ids = new();
    private long _looked = long.MinValue;
    private int _looking;

    public void Note(string who, Guid id, string name)
    {
        if (id == Guid.Empty)
            return;
        if (_names.Count >= MaxKept || _ids.Count >= MaxKept)
        {
            _names.Clear();
            _ids.Clear();
        }
        if (_ids.TryGetValue((who, name), out var known) && known.Id != id)
            Forget(who, known.Id);
        _ids[(who, name)] = (id, time.GetTimestamp());
        _names[(who, id)] = name;
    }

    public string? Find(string who, Guid id) => _names.GetValueOrDefault((who, id));

    /// <summary>The topic has this id no more.</summary>
    public void Forget(string who, Guid id)
    {
        if (_names.TryRemove((who, id), out var name) && _ids.TryGetValue((who, name), out var known) && known.Id == id)
            _ids.TryRemove(KeyValuePair.Create((who, name), known));
    }

    /// <returns>Of these topics those whose ids are not known or were seen long ago; new ones first.</returns>
    public IReadOnlyList<string> Unsure(string who, IReadOnlyList<string> names)
    {
        var now = time.GetTimestamp();
        return
        [
            .. names.Select(name => (Name: name, IsKnown: _ids.TryGetValue((who, name), out var known), known.SeenAt))
                .Where(topic => !topic.IsKnown || time.GetElapsedTime(topic.SeenAt, now) >= SureFor)
                .OrderBy(topic => topic.IsKnown).ThenBy(topic => topic.SeenAt).Select(topic => topic.Name),
        ];
    }

    /// <summary>Whether an id may be searched for now: by one at a time, and so long after the last search ended.</summary>
    public bool BeginLook()
    {
        if (Interlocked.CompareExchange(ref _looking, 1, 0) != 0)
            return false;
        if (Interlocked.Read(ref _looked) is var looked && (looked == long.MinValue || time.GetElapsedTime(looked) >= LookAgain))
            return true;
        Volatile.Write(ref _looking, 0);
        return false;
    }

    public void EndLook()
    {
        Interlocked.Exchange(ref _looked, time.GetTimestamp());
        Volatile.Write(ref _looking, 0);
    }
}
