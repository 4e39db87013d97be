namespace OrleansMq.Core.Groups;

/// <summary>What a member of a group over several topics is called, and what it calls its rack, client and host. All of it stands in the group's document.</summary>
public static class MemberNames
{
    /// <summary>Characters of each.</summary>
    public const int MaxLength = 255;

    /// <summary>Of a client's id or static name so much goes into the name that its member is given, before a UUID.</summary>
    public const int MaxStemLength = MaxLength - 37;

    /// <returns>Which is too long; null: none.</returns>
    public static string? TooLong(params ReadOnlySpan<(string What, string? Name)> names)
    {
        foreach (var (what, name) in names)
            if (name?.Length > MaxLength)
                return $"{what} has {MaxLength} characters at most; {name.Length} were given.";
        return null;
    }

    public static string? TooLong(GroupJoin join) => TooLong(
        ("A member's name", join.Member), ("A static name", join.Instance), ("A client's id", join.Client), ("A host", join.Host), ("A kind of protocol", join.ProtocolType));

    public static string? TooLong(MemberBeat beat) => TooLong(
        ("A member's name", beat.Member), ("A static name", beat.Instance), ("A rack", beat.Rack), ("A client's id", beat.Client), ("A host", beat.Host));
}
