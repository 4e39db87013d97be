namespace OrleansMq.Core.Groups;

/// <summary>The topics that members want, as lists in ordinal order. Members of a group mostly want the same: they have one list, and the work goes by lists, not by members.</summary>
internal sealed class TopicLists
{
    /// <summary>By content: the list itself, and how often it is in use.</summary>
    private readonly Dictionary<string[], (string[] List, int Uses)> _lists = new(SameNames.Instance);

    /// <summary>In how many lists each name is.</summary>
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);

    /// <summary>Names of all lists.</summary>
    public long Length { get; private set; }

    public IReadOnlyCollection<string> Names => _names.Keys;

    public bool Contains(string name) => _names.ContainsKey(name);

    /// <returns>The one list of these names.</returns>
    public string[] Use(string[] names)
    {
        if (_lists.TryGetValue(names, out var known))
        {
            _lists[known.List] = (known.List, known.Uses + 1);
            return known.List;
        }

        _lists[names] = (names, 1);
        Length += names.Length;
        foreach (var name in names)
            _names[name] = _names.GetValueOrDefault(name) + 1;
        return names;
    }

    /// <returns>Names that nobody wants any more.</returns>
    public IReadOnlyList<string> Release(string[] list)
    {
        var uses = UsesOf(list);
        if (uses > 1)
        {
            _lists[list] = (list, uses - 1);
            return [];
        }

        _lists.Remove(list);
        Length -= list.Length;
        var unwanted = new List<string>();
        foreach (var name in list)
        {
            if (--_names[name] > 0)
                continue;
            _names.Remove(name);
            unwanted.Add(name);
        }

        return unwanted;
    }

    /// <summary>What would be if some lists were used in place of others: how long all are together, and all names. Null where no list is new.</summary>
    public (long Length, IEnumerable<string> Names)? Instead(IReadOnlyList<string[]> released, IReadOnlyList<string[]> used)
    {
        bool Stays(string[] list) => UsesOf(list) > released.Count(one => SameNames.Instance.Equals(one, list));

        List<string[]> comes = [.. used.Where(list => !Stays(list)).Distinct(SameNames.Instance)];
        if (comes.TrueForAll(list => UsesOf(list) > 0))
            return null;
        List<string[]> goes = [.. released.Where(list => !Stays(list)).Distinct(SameNames.Instance)];
        var fewer = goes.SelectMany(list => list).CountBy(name => name).ToDictionary(StringComparer.Ordinal);
        var names = _names.Where(name => name.Value > fewer.GetValueOrDefault(name.Key)).Select(name => name.Key).Union(comes.SelectMany(list => list), StringComparer.Ordinal);
        return (Length - goes.Sum(list => (long)list.Length) + comes.Sum(list => (long)list.Length), names);
    }

    private int UsesOf(string[] list) => _lists.GetValueOrDefault(list).Uses;

    private sealed class SameNames : IEqualityComparer<string[]>
    {
        public static readonly SameNames Instance = new();

        public bool Equals(string[]? x, string[]? y) => ReferenceEquals(x, y) || (x is not null && y is not null && x.AsSpan().SequenceEqual(y));

        public int GetHashCode(string[] names)
        {
            var hash = new HashCode();
            foreach (var name in names)
                hash.Add(name, StringComparer.Ordinal);
            return hash.ToHashCode();
        }
    }
}
