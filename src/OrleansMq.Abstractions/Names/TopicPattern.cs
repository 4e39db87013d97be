namespace OrleansMq;

/// <summary>
/// Names of topics in which <c>*</c> stands for any number of characters, also none: <c>orders.*</c> are all that begin with <c>orders.</c>. Names that begin with <c>_</c> (the
/// broker's own, and other programs' internal ones) are only meant where the pattern begins so.
/// </summary>
public readonly record struct TopicPattern
{
    private readonly string? _text;

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: no name can match it.</exception>
    public TopicPattern(string text)
    {
        if (text.Length > NameRule.MaxLength || !NameRule.IsValid(text.Replace('*', 'x')))
            throw new MqException(ErrorCodes.Malformed, $"'{text}' is no pattern of topics: 1 to {NameRule.MaxLength} of A-Z a-z 0-9 . _ - *.");
        _text = text;
    }

    public string Text => _text ?? throw new InvalidOperationException("A TopicPattern was never given its text.");

    /// <summary>What every name that matches begins with.</summary>
    public string Prefix => Text.IndexOf('*', StringComparison.Ordinal) is var star and >= 0 ? Text[..star] : Text;

    public bool Matches(TopicName topic)
    {
        var name = topic.Text.AsSpan();
        if (name[0] == '_' && Text[0] != '_')
            return false;
        var parts = Text.Split('*');
        if (parts.Length == 1)
            return name.SequenceEqual(Text);
        if (!name.StartsWith(parts[0], StringComparison.Ordinal) || !name[parts[0].Length..].EndsWith(parts[^1], StringComparison.Ordinal))
            return false;
        // Each part in between at its first place: what is behind it can only become longer by that.
        var middle = name[parts[0].Length..^parts[^1].Length];
        foreach (var part in parts[1..^1])
        {
            if (middle.IndexOf(part, StringComparison.Ordinal) is not (var at and >= 0))
                return false;
            middle = middle[(at + part.Length)..];
        }

        return true;
    }

    public override string ToString() => _text ?? "";

    public static implicit operator TopicPattern(string text) => new(text);
}
