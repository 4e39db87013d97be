namespace OrleansMq.Core.Limits;

/// <summary>Messages and their bytes as stored.</summary>
public readonly record struct BacklogSize(long Messages, long Bytes);

/// <summary>The backlog limit of a topic or of one of its groups.</summary>
/// <param name="Owner">Who has it, for the refusal: <c>topic orders</c>, <c>group billing</c>.</param>
/// <param name="Messages">Null: none.</param>
/// <param name="Bytes">Null: none.</param>
public readonly record struct BacklogLimit(string Owner, long? Messages, long? Bytes)
{
    public static BacklogLimit For(TopicName topic, TopicSettings settings) => new($"topic {topic}", settings.MaxMessages, settings.MaxBytes);

    public static BacklogLimit For(GroupName group, GroupSettings settings) => new($"group {group}", settings.MaxMessages, settings.MaxBytes);
}

/// <summary>What to do with an append.</summary>
public enum BacklogAnswer
{
    Admit = 0,

    /// <summary><see cref="ErrorCodes.BacklogFull"/>, with <see cref="BacklogDecision.Detail"/>.</summary>
    Refuse = 1,

    /// <summary>Let the producer wait and ask again; at the end of its wait refuse.</summary>
    Wait = 2,

    /// <summary>Drop the oldest messages until <see cref="BacklogDecision.Over"/> is gone, then admit.</summary>
    Drop = 3,
}

/// <param name="Over">Drop: how many messages and bytes have to go; enough of both.</param>
/// <param name="Detail">Refuse and Wait: which limit, and the numbers. Else null.</param>
public readonly record struct BacklogDecision(BacklogAnswer Answer, BacklogSize Over = default, string? Detail = null);

/// <summary>Decides whether what comes fits a limit. Of several limits (the topic's, each group's) the strictest answer counts.</summary>
public static class Backlog
{
    public static BacklogDecision Decide(WhenFull whenFull, BacklogLimit limit, BacklogSize present, BacklogSize coming)
    {
        var overMessages = Over(limit.Messages, present.Messages, coming.Messages);
        var overBytes = Over(limit.Bytes, present.Bytes, coming.Bytes);
        if (overMessages == 0 && overBytes == 0)
            return new BacklogDecision(BacklogAnswer.Admit);
        // What is greater than the limit by itself would wait for ever, or drop everything and still be too much.
        if (coming.Messages > limit.Messages || coming.Bytes > limit.Bytes || whenFull == WhenFull.Refuse)
            return new BacklogDecision(BacklogAnswer.Refuse, default, Describe(limit, present, coming));
        return whenFull == WhenFull.Wait
            ? new BacklogDecision(BacklogAnswer.Wait, default, Describe(limit, present, coming))
            : new BacklogDecision(BacklogAnswer.Drop, new BacklogSize(overMessages, overBytes));
    }

    private static long Over(long? limit, long present, long coming) => limit is { } most ? Math.Max(0, present + coming - most) : 0;

    private static string Describe(BacklogLimit limit, BacklogSize present, BacklogSize coming) =>
        $"The backlog of {limit.Owner} is {present.Messages} messages, {present.Bytes} bytes; {coming.Messages} messages, {coming.Bytes} bytes more would pass its limit of "
        + $"{limit.Messages?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "any number of"} messages, {limit.Bytes?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "any number of"} bytes.";
}
