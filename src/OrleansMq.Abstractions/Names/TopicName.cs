namespace OrleansMq;

/// <summary>The name of a topic: 1 to 249 of <c>A-Z a-z 0-9 . _ -</c>, and neither <c>.</c> nor <c>..</c> (Kafka's rule).</summary>
public readonly record struct TopicName
{
    private readonly string? _text;

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: the text is no such name.</exception>
    public TopicName(string text) => _text = NameRule.Check(text, "topic");

    public string Text => _text ?? throw new InvalidOperationException("A TopicName was never given its text.");

    public override string ToString() => _text ?? "";

    public static implicit operator TopicName(string text) => new(text);

    /// <summary>The name under which a group's dead letters are browsed.</summary>
    public static string DeadLettersOf(TopicName topic, GroupName group) => $"{topic.Text}.{group.Text}.dlq";
}

/// <summary>The name of a consumer group on a topic; the same rule as for topics.</summary>
public readonly record struct GroupName
{
    private readonly string? _text;

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: the text is no such name.</exception>
    public GroupName(string text) => _text = NameRule.Check(text, "group");

    public string Text => _text ?? throw new InvalidOperationException("A GroupName was never given its text.");

    public override string ToString() => _text ?? "";

    public static implicit operator GroupName(string text) => new(text);
}

/// <summary>The rule that names of topics and groups share.</summary>
public static class NameRule
{
    public const int MaxLength = 249;

    public static bool IsValid(string? text)
    {
        if (text is null || text.Length is 0 or > MaxLength || text is "." or "..")
            return false;
        foreach (var c in text)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '_' or '-'))
                return false;
        return true;
    }

    internal static string Check(string? text, string what) =>
        IsValid(text) ? text! : throw new MqException(ErrorCodes.Malformed,
            $"'{Shorten(text)}' is no {what} name: 1 to {MaxLength} of A-Z a-z 0-9 . _ -, and neither '.' nor '..'.");

    private static string Shorten(string? text) => text is null ? "" : text.Length <= 60 ? text : text[..60] + "…";
}
