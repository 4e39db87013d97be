namespace OrleansMq.Json;

/// <summary>The words under which an enumeration's values go in JSON and in addresses.</summary>
public sealed class WordList<T>(params (string Word, T Value)[] words) where T : struct, Enum
{
    public bool TryRead(string text, out T value)
    {
        foreach (var (word, meant) in words)
        {
            if (word == text)
            {
                value = meant;
                return true;
            }
        }
        value = default;
        return false;
    }

    public string Write(T value)
    {
        foreach (var (word, meant) in words)
            if (EqualityComparer<T>.Default.Equals(meant, value))
                return word;
        throw new ArgumentOutOfRangeException(nameof(value), value, "It has no word.");
    }

    /// <summary>For a refusal: <c>'none', 'accepted', 'durable'</c>.</summary>
    public override string ToString() => string.Join(", ", words.Select(each => $"'{each.Word}'"));
}

/// <summary>The words of HTTP, version 1.</summary>
public static class Words
{
    public static WordList<Acks> Acks { get; } = new(("none", OrleansMq.Acks.None), ("accepted", OrleansMq.Acks.Accepted), ("durable", OrleansMq.Acks.Durable));

    public static WordList<WhenFull> WhenFull { get; } =
        new(("refuse", OrleansMq.WhenFull.Refuse), ("dropOldest", OrleansMq.WhenFull.DropOldest), ("wait", OrleansMq.WhenFull.Wait));

    public static WordList<GroupStyle> GroupStyle { get; } = new(("queue", OrleansMq.GroupStyle.Queue), ("log", OrleansMq.GroupStyle.Log));

    public static WordList<ExchangeKind> ExchangeKind { get; } = new(
        ("direct", OrleansMq.ExchangeKind.Direct), ("fanout", OrleansMq.ExchangeKind.Fanout), ("pattern", OrleansMq.ExchangeKind.Pattern), ("headers", OrleansMq.ExchangeKind.Headers));

    public static WordList<WhenExpired> WhenExpired { get; } = new(("skip", OrleansMq.WhenExpired.Skip), ("deadLetter", OrleansMq.WhenExpired.DeadLetter));

    public static WordList<UnsettledCause> UnsettledCause { get; } = new(
        ("neverDelivered", OrleansMq.UnsettledCause.NeverDelivered), ("leased", OrleansMq.UnsettledCause.Leased), ("returned", OrleansMq.UnsettledCause.Returned),
        ("dead", OrleansMq.UnsettledCause.Dead), ("uncommitted", OrleansMq.UnsettledCause.Uncommitted), ("deferred", OrleansMq.UnsettledCause.Deferred));

    public static WordList<TraceStage> TraceStage { get; } = new(
        ("created", OrleansMq.TraceStage.Created), ("appended", OrleansMq.TraceStage.Appended), ("durable", OrleansMq.TraceStage.Durable), ("leased", OrleansMq.TraceStage.Leased),
        ("extended", OrleansMq.TraceStage.Extended), ("returned", OrleansMq.TraceStage.Returned), ("settled", OrleansMq.TraceStage.Settled),
        ("deadLettered", OrleansMq.TraceStage.DeadLettered), ("redriven", OrleansMq.TraceStage.Redriven), ("discarded", OrleansMq.TraceStage.Discarded),
        ("committed", OrleansMq.TraceStage.Committed), ("sought", OrleansMq.TraceStage.Sought), ("filtered", OrleansMq.TraceStage.Filtered));

    public static WordList<WebhookHealth> WebhookHealth { get; } = new(
        ("idle", OrleansMq.WebhookHealth.Idle), ("well", OrleansMq.WebhookHealth.Well), ("failing", OrleansMq.WebhookHealth.Failing), ("off", OrleansMq.WebhookHealth.Off));

    public static WordList<Isolation> Isolation { get; } =
        new(("uncommitted", OrleansMq.Isolation.Uncommitted), ("committed", OrleansMq.Isolation.Committed));
}
