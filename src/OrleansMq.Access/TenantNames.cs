namespace OrleansMq.Access;

/// <summary>A tenant's names, as it says them and as they are kept.</summary>
internal sealed class TenantNames(string tenant)
{
    /// <summary>A tenant's name has no dot, so that no tenant's prefix begins another's.</summary>
    public string Prefix { get; } = $"{AccessState.TenantPrefix}{tenant}.";

    public TopicName In(TopicName topic) => Kept(topic.Text, "topic");

    public GroupName In(GroupName group) => Kept(group.Text, "group");

    /// <summary>A text in which kept names may stand, as the tenant may see it.</summary>
    public string Shown(string text) => text.Replace(Prefix, "", StringComparison.Ordinal);

    public bool IsOurs(string kept) => kept.StartsWith(Prefix, StringComparison.Ordinal);

    public string Out(string kept) => kept[Prefix.Length..];

    /// <summary>A page that begins at the tenant's names, in ordinal order: it ends where others' begin.</summary>
    public Page<T> Out<T>(Page<T> page, Func<T, string> nameOf, Func<T, string, T> named)
    {
        var ours = page.Items.TakeWhile(item => IsOurs(nameOf(item))).ToList();
        var more = ours.Count == page.Items.Count && page.Next is { } next && IsOurs(next);
        return new Page<T>([.. ours.Select(item => named(item, Out(nameOf(item))))], more ? Out(page.Next!) : null);
    }

    private string Kept(string name, string what) => Prefix.Length + name.Length <= NameRule.MaxLength
        ? Prefix + name
        : throw new MqException(ErrorCodes.Malformed, $"The name of a {what} has at most {NameRule.MaxLength - Prefix.Length} characters here.");
}
