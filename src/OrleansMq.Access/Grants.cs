using System.Collections.Concurrent;

namespace OrleansMq.Access;

/// <summary>What the rules of one state allow one principal. What was looked up is remembered: a call costs one look into a table.</summary>
internal sealed class Grants
{
    private const AccessOperations Everything = (AccessOperations)511;

    private const AccessOperations Looking = AccessOperations.Describe | AccessOperations.Browse | AccessOperations.Consume;

    // Names a client makes up must not fill the memory.
    private const int MaxRemembered = 4_096;

    private readonly AccessRule[] _rules;
    private readonly ConcurrentDictionary<(ResourceKind Kind, string Name), AccessOperations> _remembered = new();
    private int _count;

    public Grants(IEnumerable<AccessRule> rules)
    {
        _rules = [.. rules];
        IsAdmin = _rules.Any(rule => rule.Kind == ResourceKind.Cluster && rule.Allow.HasFlag(AccessOperations.Admin));
    }

    public static Grants Nothing { get; } = new([]);

    /// <summary>May do everything, and is asked nothing.</summary>
    public bool IsAdmin { get; }

    public AccessOperations On(ResourceKind kind, string name)
    {
        if (IsAdmin)
            return Everything;
        return _remembered.TryGetValue((kind, name), out var known) ? known : Find(kind, name);
    }

    // By itself: what its lambda holds on to would else be allocated for every look.
    private AccessOperations Find(ResourceKind kind, string name)
    {
        if (name.StartsWith(AccessState.TenantPrefix, StringComparison.Ordinal))
            return AccessOperations.None;
        var reserved = kind == ResourceKind.Topic && name.StartsWith(AccessState.ReservedPrefix, StringComparison.Ordinal);
        var found = WithDescribe(_rules.Where(rule => rule.Kind == kind && (!reserved || rule.Match == ResourceMatch.Literal) && Fits(rule, name))
            .Aggregate(AccessOperations.None, (all, rule) => all | rule.Allow));
        if (reserved)
            found &= Looking;
        if (Interlocked.Increment(ref _count) > MaxRemembered)
        {
            _remembered.Clear();
            Interlocked.Exchange(ref _count, 1);
        }
        _remembered[(kind, name)] = found;
        return found;
    }

    /// <summary>Whether there may be anything of the kind on which this is allowed.</summary>
    public bool MaySomewhere(AccessOperations operation, ResourceKind kind) => IsAdmin || _rules.Any(rule => rule.Kind == kind && (WithDescribe(rule.Allow) & operation) != 0);

    private static bool Fits(AccessRule rule, string name) => rule.Kind == ResourceKind.Cluster || rule.Match switch
    {
        ResourceMatch.Literal => string.Equals(rule.Name, name, StringComparison.Ordinal),
        ResourceMatch.Prefix => name.StartsWith(rule.Name, StringComparison.Ordinal),
        _ => Glob.Fits(rule.Name, name),
    };

    private static AccessOperations WithDescribe(AccessOperations allowed) =>
        (allowed & ~(AccessOperations.Create | AccessOperations.Describe)) != 0 ? allowed | AccessOperations.Describe : allowed;
}
