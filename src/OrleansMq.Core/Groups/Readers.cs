using System.Globalization;

namespace OrleansMq.Core.Groups;

/// <summary>Who wants which topic. Found by way of the lists that several have in common, so that it takes no time for each member and topic.</summary>
internal sealed class Readers
{
    /// <summary>Members of each list, by their ranks.</summary>
    private readonly List<List<int>> _members = [];

    /// <summary>The lists in which a topic is.</summary>
    private readonly Dictionary<string, List<int>> _listsOf = new(StringComparer.Ordinal);

    private readonly Dictionary<string, int[]> _known = new(StringComparer.Ordinal);

    public Readers(IReadOnlyList<Sharer> sharers)
    {
        Places = [.. Enumerable.Range(0, sharers.Count).OrderBy(place => sharers[place].Order, StringComparer.Ordinal)];
        var numbers = new Dictionary<string[], int>();
        for (var rank = 0; rank < Places.Length; rank++)
            foreach (var list in sharers[Places[rank]].Lists)
                _members[NumberOf(list, numbers)].Add(rank);
    }

    /// <summary>Where among the sharers each rank is: they are served in this order.</summary>
    public int[] Places { get; }

    /// <returns>Ranks, ascending; the same array for topics in the same lists.</returns>
    public int[] Of(string topic)
    {
        if (!_listsOf.TryGetValue(topic, out var lists))
            return [];
        var key = string.Join(',', lists.Select(list => list.ToString(CultureInfo.InvariantCulture)));
        return _known.TryGetValue(key, out var readers) ? readers : _known[key] = [.. lists.SelectMany(list => _members[list]).Distinct().Order()];
    }

    private int NumberOf(string[] list, Dictionary<string[], int> numbers)
    {
        if (numbers.TryGetValue(list, out var known))
            return known;
        var number = numbers[list] = _members.Count;
        _members.Add([]);
        foreach (var topic in list)
        {
            if (!_listsOf.TryGetValue(topic, out var lists))
                _listsOf[topic] = lists = [];
            lists.Add(number);
        }

        return number;
    }
}
