namespace OrleansMq.Engine.Groups;

/// <summary>Which decision of a transactional id it is.</summary>
/// <param name="Key">Of the transactional id.</param>
/// <param name="ProducerId">Whose the id is. A later life of the id, in which the versions of its document may begin anew, has another; which of two is the later nobody knows by them.</param>
/// <param name="Term">The version of the document that holds the decision.</param>
public readonly record struct DecidedTerm(string Key, long ProducerId, long Term);

/// <summary>The last decision that was heard of each transactional id: whoever was replaced, and does not know, still sends earlier ones, and that one.</summary>
internal sealed class DecidedTerms
{
    /// <summary>Beyond this many ids what is known of them is forgotten: an id counts from its next decision on.</summary>
    public const int MaxIds = 10_000;

    private readonly Dictionary<string, (DecidedTerm Decided, bool IsDone)> _last = new(StringComparer.Ordinal);

    /// <returns>False: it is carried out, or was before one that was heard already.</returns>
    public bool Take(in DecidedTerm decided)
    {
        if (_last.TryGetValue(decided.Key, out var last) && decided.ProducerId == last.Decided.ProducerId
            && (last.IsDone ? decided.Term <= last.Decided.Term : decided.Term < last.Decided.Term))
            return false;
        if (_last.Count >= MaxIds && !_last.ContainsKey(decided.Key))
            _last.Clear();
        _last[decided.Key] = (decided, false);
        return true;
    }

    /// <summary>It is carried out: what it moved may since have been moved on by others, and whoever sends it once more would take that back.</summary>
    public void Done(in DecidedTerm decided)
    {
        if (_last.TryGetValue(decided.Key, out var last) && last.Decided == decided)
            _last[decided.Key] = (decided, true);
    }
}
