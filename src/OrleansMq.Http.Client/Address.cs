using System.Globalization;
using OrleansMq.Json;

namespace OrleansMq;

/// <summary>A path with its query, which grows by what is not left out.</summary>
internal readonly record struct Address(string Text)
{
    public Address With(string name, string? value) => string.IsNullOrEmpty(value)
        ? this
        : new Address($"{Text}{(Text.Contains('?', StringComparison.Ordinal) ? '&' : '?')}{name}={Uri.EscapeDataString(value)}");

    public Address With(string name, long value) => With(name, value.ToString(CultureInfo.InvariantCulture));

    public Address With(string name, TimeSpan wait) => With(name, Durations.Milliseconds(wait));

    public Address With(string name, Acks? acks) => With(name, acks is { } level ? Words.Acks.Write(level) : null);

    public static implicit operator string(Address address) => address.Text;
}
