namespace OrleansMq;

/// <summary>What a rule allows. <see cref="Describe"/> comes with every other but <see cref="Create"/>: who may use something may look at it.</summary>
[Flags]
public enum AccessOperations
{
    None = 0,
    Produce = 1,

    /// <summary>Take messages out as a consumer: leases, cursors, batches.</summary>
    Consume = 2,

    /// <summary>Look at messages, dead letters too, and change nothing by it.</summary>
    Browse = 4,
    Describe = 8,
    Create = 16,
    Alter = 32,
    Delete = 64,

    /// <summary>Give dead letters back to their group, or throw them away.</summary>
    Redrive = 128,

    /// <summary>On the cluster: users, rules, and everything else.</summary>
    Admin = 256,
}

/// <summary>What a rule is about.</summary>
public enum ResourceKind
{
    Topic = 0,
    Group = 1,

    /// <summary>A named producer; Kafka's transactional id.</summary>
    Producer = 2,
    Exchange = 3,

    /// <summary>There is one, whatever the rule names.</summary>
    Cluster = 4,
}

/// <summary>How a rule's name is compared.</summary>
public enum ResourceMatch
{
    /// <summary>This name.</summary>
    Literal = 0,

    /// <summary>Names that begin so.</summary>
    Prefix = 1,

    /// <summary><c>*</c> stands for any number of characters, <c>?</c> for one.</summary>
    Pattern = 2,
}

/// <summary>Whom a rule is for.</summary>
public enum SubjectKind
{
    User = 0,

    /// <summary>A group of users; called so because a group, here, is of consumers.</summary>
    Team = 1,
}

/// <summary>Allows somebody something. There is no rule that forbids: what no rule allows is refused.</summary>
/// <param name="Id">Given when the rule is added; 0 before.</param>
public sealed record AccessRule(SubjectKind Subject, string Who, AccessOperations Allow, ResourceKind Kind, ResourceMatch Match, string Name, long Id = 0)
{
    public const int MaxNameChars = 249;
}
