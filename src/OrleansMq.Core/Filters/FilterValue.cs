using System.Buffers.Text;
using System.Text;

namespace OrleansMq.Core.Filters;

/// <summary>What is known of an expression before any message is: a header's text may be read as anything.</summary>
internal enum FilterType
{
    Any,
    Boolean,
    Number,
    Text,
}

internal enum ValueKind : byte
{
    /// <summary>Also: absent, and what can't be computed.</summary>
    Unknown,
    False,
    True,
    Number,
    Text,
}

/// <summary>The value of an expression for one message.</summary>
internal readonly struct FilterValue
{
    private FilterValue(ValueKind kind, decimal number, ReadOnlyMemory<byte> text) => (Kind, Number, Text) = (kind, number, text);

    public static FilterValue Unknown => default;

    public static FilterValue True { get; } = new(ValueKind.True, 0, default);

    public static FilterValue False { get; } = new(ValueKind.False, 0, default);

    public ValueKind Kind { get; }

    public decimal Number { get; }

    public ReadOnlyMemory<byte> Text { get; }

    public bool IsTrue => Kind == ValueKind.True;

    public bool IsFalse => Kind == ValueKind.False;

    public bool IsUnknown => Kind == ValueKind.Unknown;

    public static FilterValue Of(bool value) => value ? True : False;

    public static FilterValue Of(decimal value) => new(ValueKind.Number, value, default);

    public static FilterValue Of(ReadOnlyMemory<byte> utf8) => new(ValueKind.Text, 0, utf8);

    /// <summary>A text that says true or false is that, whatever its case.</summary>
    public FilterValue AsBoolean() => Kind switch
    {
        ValueKind.True or ValueKind.False => this,
        ValueKind.Text when Ascii.EqualsIgnoreCase(Text.Span, "true"u8) => True,
        ValueKind.Text when Ascii.EqualsIgnoreCase(Text.Span, "false"u8) => False,
        _ => Unknown,
    };

    /// <summary>A text that reads as a number is that.</summary>
    public FilterValue AsNumber() => Kind switch
    {
        ValueKind.Number => this,
        ValueKind.Text when FilterNumber.TryRead(Text.Span, out var number) => Of(number),
        _ => Unknown,
    };
}

/// <summary>Numbers are decimal, of 28 digits: what is written is what is compared, and 0.1 + 0.2 is 0.3.</summary>
internal static class FilterNumber
{
    /// <summary>Digits, with a sign, a point and an exponent where there are; the whole text, and no spaces.</summary>
    public static bool TryRead(ReadOnlySpan<byte> utf8, out decimal number)
    {
        number = 0;
        return utf8.Length is > 0 and <= FilterLimits.MaxNumberBytes
            && Utf8Parser.TryParse(utf8, out number, out var read) && read == utf8.Length;
    }
}
