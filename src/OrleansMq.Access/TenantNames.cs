namespace OrleansMq.Access;

/// <summary>A tenant's names, as it says them and as they are kept. One for all of a tenant's principals.</summary>
internal sealed class TenantNames(string tenant)
{
    public string Tenant => tenant;

    /// <summary>No topic has the name of their dead letters, and none gets it while they are there.</summary>
    public SeenGroups Free { get; } = new();

    /// <summary>They were there, or there was room for them.</summary>
    public SeenGroups Counted { get; } = new();

    public TenantUse Use { get; } = new();

    /// <summary>Held while it is counted whether there is room for more, and while that is made.</summary>
    public SemaphoreSlim Turn { get; } = new(1);

    /// <summary>A tenant's name has no dot, so that no tenant's prefix begins another's.</summary>
    public string Prefix { get; } = $"{AccessState.TenantPrefix}{tenant}.";

    public TopicName In(TopicName topic) => Kept(topic.Text, "topic");

    public GroupName In(GroupName group) => Kept(group.Text, "group");

    public ExchangeName In(ExchangeName exchange) => Kept(exchange.Text, "exchange");

    public GroupOffset In(GroupOffset offset) => offset with { Topic = In(offset.Topic) };

    public TransactionPartition In(TransactionPartition partition) => partition with { Topic = In(partition.Topic) };

    /// <summary>Of a named producer, or a transactional id.</summary>
    public string InProducer(string name) => Prefix + Own(name);

    /// <summary>Of a list: a prefix, or where the last page ended.</summary>
    public string InList(string? text) => Prefix + text;

    /// <summary>A text in which kept names may stand, as the tenant may see it.</summary>
    public string Shown(string text) => text.Replace(Prefix, "", StringComparison.Ordinal);

    public MqError? Shown(MqError? error) => error is null ? null : error with { Detail = Shown(error.Detail) };

    /// <summary>A refusal names what the caller knows.</summary>
    public async ValueTask<T> Shown<T>(ValueTask<T> call)
    {
        try
        {
            return await call;
        }
        catch (MqException e)
        {
            throw new MqException(e.Code, Shown(e.Message), e.RetryAfter, e);
        }
    }

    public ValueTask Shown(ValueTask call)
    {
        return call.IsCompletedSuccessfully ? call : Awaited(call);

        async ValueTask Awaited(ValueTask waiting) => await Shown(Answered(waiting));
    }

    public bool IsOurs(string kept) => kept.StartsWith(Prefix, StringComparison.Ordinal);

    public string Out(string kept) => kept[Prefix.Length..];

    /// <summary>A page that begins at the tenant's names, in ordinal order: it ends where others' begin.</summary>
    public Page<T> Out<T>(Page<T> page, Func<T, string> nameOf, Func<T, string, T> named)
    {
        var ours = page.Items.TakeWhile(item => IsOurs(nameOf(item))).ToList();
        var more = ours.Count == page.Items.Count && page.Next is { } next && IsOurs(next);
        return new Page<T>([.. ours.Select(item => named(item, Out(nameOf(item))))], more ? Out(page.Next!) : null);
    }

    private string Kept(string name, string what) => Prefix.Length + Own(name).Length <= NameRule.MaxLength
        ? Prefix + name
        : throw new MqException(ErrorCodes.Malformed, $"The name of a {what} has at most {NameRule.MaxLength - Prefix.Length} characters here.");

    // It would reach nothing behind the prefix; and no name that is shown may be mistaken for one that is kept.
    private static string Own(string name) => name.StartsWith(AccessState.TenantPrefix, StringComparison.Ordinal) || name.Contains($".{AccessState.TenantPrefix}", StringComparison.Ordinal)
        ? throw new MqException(ErrorCodes.Malformed, $"'{name}' holds '{AccessState.TenantPrefix}', by which names of tenants are kept.")
        : name;

    private static async ValueTask<bool> Answered(ValueTask call)
    {
        await call;
        return true;
    }
}
