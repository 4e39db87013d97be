using System.Text;

namespace OrleansMq.Core.Filters;

/// <summary>
/// A pattern of <c>LIKE</c>: <c>%</c> is any text, <c>_</c> one character. A bit for each place in the pattern that a text may have come to; every character moves all
/// of them at once, and <c>%</c> lets a bit stay. So the time is the text's length, whatever the pattern, and nothing is tried twice.
/// </summary>
internal sealed class LikePattern
{
    /// <summary>Bit <em>i</em>: the element <em>i</em> may be any character.</summary>
    private readonly ulong[] _any;

    /// <summary>Bit <em>i</em>: a <c>%</c> stands before the element <em>i</em>.</summary>
    private readonly ulong[] _stays;

    /// <summary>For characters that the pattern names: which elements they fit.</summary>
    private readonly Dictionary<Rune, ulong[]> _fits = [];

    private readonly int _length;

    private LikePattern(List<Rune?> elements, HashSet<int> stays)
    {
        _length = elements.Count;
        var words = _length / 64 + 1;
        (_any, _stays) = (new ulong[words], new ulong[words]);
        foreach (var at in stays)
            Set(_stays, at);
        for (var i = 0; i < _length; i++)
            if (elements[i] is null)
                Set(_any, i);
        for (var i = 0; i < _length; i++)
            if (elements[i] is { } rune)
            {
                if (!_fits.TryGetValue(rune, out var fits))
                    _fits[rune] = fits = [.. _any];
                Set(fits, i);
            }
    }

    /// <param name="escape">What takes <c>%</c>, <c>_</c> and itself their meaning; null: nothing does.</param>
    /// <returns>Null, with what is wrong.</returns>
    public static LikePattern? Of(string pattern, Rune? escape, out string? fault)
    {
        var (elements, stays) = (new List<Rune?>(), new HashSet<int>());
        var escaped = false;
        fault = null;
        foreach (var rune in pattern.EnumerateRunes())
        {
            var isWild = rune.Value is '%' or '_';
            if (escaped && !isWild && rune != escape)
                fault = $"'{escape}' stands before %, _ or itself in the pattern; it stands before '{rune}'.";
            if (!escaped && rune == escape)
            {
                escaped = true;
                continue;
            }

            if (!escaped && rune.Value == '%')
                stays.Add(elements.Count);
            else
                elements.Add(!escaped && isWild ? null : rune);
            escaped = false;
        }

        if (escaped)
            fault = $"the pattern ends with '{escape}'.";
        if (elements.Count > FilterLimits.MaxPatternLength)
            fault = $"a pattern has at most {FilterLimits.MaxPatternLength} characters beside its %; this one has {elements.Count}.";
        return fault is null ? new LikePattern(elements, stays) : null;
    }

    public bool Matches(ReadOnlySpan<byte> utf8)
    {
        Span<ulong> at = stackalloc ulong[FilterLimits.MaxPatternLength / 64 + 1];
        at = at[.._any.Length];
        at.Clear();
        at[0] = 1;
        while (!utf8.IsEmpty)
        {
            Rune.DecodeFromUtf8(utf8, out var rune, out var read);
            utf8 = utf8[read..];
            if (!Step(at, _fits.TryGetValue(rune, out var fits) ? fits : _any))
                return false;
        }

        return (at[_length / 64] >> (_length % 64) & 1) != 0;
    }

    /// <returns>False: no place is left, whatever comes.</returns>
    private bool Step(Span<ulong> at, ulong[] fits)
    {
        var (carry, left) = (0UL, 0UL);
        for (var word = 0; word < at.Length; word++)
        {
            var moved = at[word] & fits[word];
            at[word] = moved << 1 | carry | (at[word] & _stays[word]);
            carry = moved >> 63;
            left |= at[word];
        }

        return left != 0;
    }

    private static void Set(ulong[] bits, int at) => bits[at / 64] |= 1UL << (at % 64);
}
