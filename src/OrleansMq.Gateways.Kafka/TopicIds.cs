using System.Collections.Concurrent;

namespace OrleansMq.Gateways.Kafka;

/// <summary>Which name a topic's id has, as far as this gateway told it to somebody. Nothing is believed: whoever finds a name here looks whether the topic has that id.</summary>
/// <remarks>By who asks, because tenants have names of their own.</remarks>
internal sealed class TopicIds(TimeProvider time)
{
    /// <summary>Beyond it all are forgotten, and found again.</summary>
    public const int MaxKept = 100_000;

    /// <summary>One look at all topics in so much time, whoever asks: ids may be made up.</summary>
    public static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    /// <summary>A fetch by the id goes by the name for so long before somebody looks again whether the topic still has it.</summary>
    public static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<(string Who, Guid Id), (string Name, long SeenAt)> _names = new();
    private readonly ConcurrentDictionary<(string Who, Guid Id), bool> _checked = new();
    private long _looked;
    private int _looking;

    public void Note(string who, Guid id, string name)
    {
        if (id == Guid.Empty)
            return;
        if (_names.Count >= MaxKept)
            _names.Clear();
        _names[(who, id)] = (name, time.GetTimestamp());
    }

    public string? Find(string who, Guid id) => _names.GetValueOrDefault((who, id)).Name;

    public string? Fresh(string who, Guid id) => _names.TryGetValue((who, id), out var seen) && time.GetElapsedTime(seen.SeenAt) < FreshFor ? seen.Name : null;

    /// <summary>The topic has this id no more.</summary>
    public void Forget(string who, Guid id) => _names.TryRemove((who, id), out _);

    /// <summary>Whether it is for the caller to look if a topic has its id still; nobody else does until <see cref="EndCheck"/>.</summary>
    public bool BeginCheck(string who, Guid id) => _checked.TryAdd((who, id), true);

    public void EndCheck(string who, Guid id) => _checked.TryRemove((who, id), out _);

    /// <summary>Whether all topics may be looked at now: by one at a time, and so long after the last look ended.</summary>
    public bool BeginLook()
    {
        if (Interlocked.CompareExchange(ref _looking, 1, 0) != 0)
            return false;
        if (Interlocked.Read(ref _looked) is var looked && (looked == 0 || time.GetElapsedTime(looked) >= LookAgain))
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
