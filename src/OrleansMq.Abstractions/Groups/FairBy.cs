using System.Text;
using OrleansMq.Records;

namespace OrleansMq;

/// <summary>What a queue-style group shares its deliveries fairly between: the messages' keys, or the values of one of their headers.</summary>
/// <remarks>As text <c>key</c> or <c>header:NAME</c>. Messages without a key, or without the header, are one share together.</remarks>
public sealed record FairBy
{
    /// <summary>Bytes of UTF-8 that a header's name has at most.</summary>
    public const int MaxHeaderBytes = 256;

    private const string KeyText = "key";
    private const string HeaderText = "header:";

    private FairBy(string? header) => HeaderName = header;

    /// <summary>By the messages' keys.</summary>
    public static FairBy Key { get; } = new((string?)null);

    /// <summary>The header whose last value counts; null: the key does.</summary>
    public string? HeaderName { get; }

    /// <summary>By the value of a header of the application's.</summary>
    /// <exception cref="ArgumentException">The name is empty, too long, or one of the broker's own.</exception>
    public static FairBy Header(string name) =>
        WhyNot(name) is { } fault ? throw new ArgumentException(fault, nameof(name)) : new FairBy(name);

    /// <param name="fault">What is wrong, for whoever wrote it.</param>
    public static bool TryParse(string text, out FairBy? value, out string? fault)
    {
        (value, fault) = (null, null);
        if (text == KeyText)
            value = Key;
        else if (!text.StartsWith(HeaderText, StringComparison.Ordinal))
            fault = $"fairBy is {KeyText} or {HeaderText}NAME; '{text}' was given.";
        else if ((fault = WhyNot(text[HeaderText.Length..])) is null)
            value = new FairBy(text[HeaderText.Length..]);
        return value is not null;
    }

    public override string ToString() => HeaderName is null ? KeyText : HeaderText + HeaderName;

    private static string? WhyNot(string name) => name switch
    {
        "" => "fairBy names a header: header:NAME.",
        _ when Encoding.UTF8.GetByteCount(name) > MaxHeaderBytes => $"fairBy names a header of at most {MaxHeaderBytes} bytes of UTF-8; one of {Encoding.UTF8.GetByteCount(name)} was given.",
        _ when name.StartsWith(ReservedHeaders.Prefix, StringComparison.Ordinal) => $"fairBy names a header of the application's; those that begin with '{ReservedHeaders.Prefix}' are the broker's own.",
        _ => null,
    };
}
