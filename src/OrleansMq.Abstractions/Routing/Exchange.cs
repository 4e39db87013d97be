namespace OrleansMq;

/// <summary>The name of an exchange; the same rule as for topics, and a space of names of its own.</summary>
public readonly record struct ExchangeName
{
    private readonly string? _text;

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: the text is no such name.</exception>
    public ExchangeName(string text) => _text = NameRule.Check(text, "exchange");

    public string Text => _text ?? throw new InvalidOperationException("An ExchangeName was never given its text.");

    public override string ToString() => _text ?? "";

    public static implicit operator ExchangeName(string text) => new(text);
}

/// <summary>How an exchange chooses among its bindings: AMQP's four types.</summary>
public enum ExchangeKind
{
    /// <summary>The binding's key equals the message's routing key.</summary>
    Direct = 0,

    /// <summary>Every binding.</summary>
    Fanout = 1,

    /// <summary>The binding's key is a pattern of words with dots between: <c>*</c> is one word, <c>#</c> any number, none included. AMQP's <c>topic</c>.</summary>
    Pattern = 2,

    /// <summary>The message's headers have what the binding asks for.</summary>
    Headers = 3,
}

/// <summary>Create or change.</summary>
public sealed record ExchangeChange
{
    /// <summary>Can't change afterwards. Null: <see cref="ExchangeKind.Direct"/> for a new one, as it is for one that exists.</summary>
    public ExchangeKind? Kind { get; init; }

    /// <summary>The exchange that is asked where no binding here matches. Not given: as it is.</summary>
    public Change<ExchangeName?> Alternate { get; init; }
}

/// <summary>An exchange as it stands.</summary>
public sealed record ExchangeDescription
{
    public required ExchangeName Name { get; init; }
    public required ExchangeKind Kind { get; init; }
    public ExchangeName? Alternate { get; init; }

    /// <summary>In the order they were made.</summary>
    public IReadOnlyList<Binding> Bindings { get; init; } = [];

    /// <summary>It was made by this call.</summary>
    public bool Created { get; init; }
}
