namespace OrleansMq.Engine.Groups;

/// <summary>Which decision of a transactional id it is.</summary>
/// <param name="Key">Of the transactional id.</param>
/// <param name="ProducerId">Whose the id is. A later life of the id, in which the versions of its document may begin anew, has another; which of two is the later nobody knows by them.</param>
/// <param name="Term">The version of the document that holds the decision.</param>
public readonly record struct DecidedTerm(string Key, long ProducerId, long Term);

/// <summary>The last decision that was heard of each transactional id: whoever was replaced, and does not know, still sends earlier ones.</summary>
internal sealed class DecidedTerms
{
    /// <summary>Beyond this many ids what is known of them is forgotten: an id counts from its next decision on.</summary>
    public const int MaxIds = 10_000;

    private readonly Dictionary<string, DecidedTerm> _last = new(StringComparer.Ordinal);

    /// <returns>False: it was carried out before one that was heard already.</returns>
    public bool Take(in DecidedTerm decided)
    {
        if (_last.TryGetValue(decided.Key, out var last) && decided.ProducerId == last.ProducerId && decided.Term < last.Term)
            return false;
        if (_last.Count >= MaxIds && !_last.ContainsKey(decided.Key))
            _last.Clear();
        _last[decided.Key] = decided;
        return true;
    }
}
