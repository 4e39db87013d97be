using System.Globalization;
using System.Text.RegularExpressions;

namespace OrleansMq.Trials.Damage;

/// <summary>What reports of repairs name as lost of one partition: read from the words that an operator reads.</summary>
internal sealed partial class NamedLosses
{
    private readonly List<(long From, long To)> _offsets = [];
    private readonly List<(long From, long To)> _positions = [];

    public NamedLosses(IEnumerable<string> losses, string topic, int partition)
    {
        foreach (var loss in losses.Where(loss => loss.StartsWith($"topic '{topic}' partition {partition},", StringComparison.Ordinal)))
        {
            Take(Offsets(), loss, _offsets);
            Take(Positions(), loss, _positions);
            foreach (Match match in Behind().Matches(loss))
                _positions.Add((Number(match, 1), long.MaxValue));
            foreach (Match match in Segments().Matches(loss))
                _positions.Add((Number(match, 1), long.MaxValue));
            DeletionsAreLost |= loss.Contains("deletions", StringComparison.Ordinal) || loss.Contains(".seg", StringComparison.Ordinal);
            LettersAreBack |= loss.Contains("are dead letters again", StringComparison.Ordinal);
            LanesAreLost |= loss.Contains("what groups did with its messages", StringComparison.Ordinal);
        }
    }

    /// <summary>All that groups did is gone, and what stood in lanes.</summary>
    public bool LanesAreLost { get; }

    /// <summary>Deletions stood in what is lost: what was deleted may be there again.</summary>
    public bool DeletionsAreLost { get; }

    /// <summary>That dead letters were redriven stood in what is lost: those may be there again.</summary>
    public bool LettersAreBack { get; }

    public bool IsEmpty => _offsets.Count + _positions.Count == 0 && !LanesAreLost;

    public bool HasOffset(long offset) => _offsets.Exists(range => offset >= range.From && offset <= range.To);

    public bool HasPosition(long position) => _positions.Exists(range => position >= range.From && position <= range.To);

    private static void Take(Regex regex, string loss, List<(long, long)> into)
    {
        foreach (Match match in regex.Matches(loss))
            into.Add((Number(match, 1), Number(match, 2)));
    }

    private static long Number(Match match, int group) => long.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"offsets (\d+) to (\d+)")]
    private static partial Regex Offsets();

    [GeneratedRegex(@"positions (\d+) (?:to|and) (\d+)")]
    private static partial Regex Positions();

    [GeneratedRegex(@"behind position (\d+)")]
    private static partial Regex Behind();

    [GeneratedRegex(@"what stood in (\d{20})\.seg")]
    private static partial Regex Segments();
}
