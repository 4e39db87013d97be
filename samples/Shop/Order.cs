using System.Globalization;
using System.Text.Json;

namespace OrleansMq.Samples.Shop;

/// <summary>One unit of the article on sale, ordered by a member.</summary>
/// <param name="Number">From 0; the order's identity.</param>
internal sealed record Order(int Number, string Member, int Cents)
{
    public static readonly TopicName Topic = "orders";

    /// <summary>The same order sent again is the same order.</summary>
    public string Token => $"order-{Number}";

    /// <summary>Where a filter finds what the order is worth.</summary>
    public const string CentsHeader = "cents";

    public int Points => Cents / 100;

    public static readonly IReadOnlyList<string> Members = [.. Enumerable.Range(0, 997).Select(number => $"member-{number}")];

    /// <summary>The burst of a sale: always the same orders, so that a sale that was cut off can be repeated.</summary>
    public static Order Of(int number) => new(number, Members[number * 31 % Members.Count], 1_000 + number * 7 % 9_000);

    public Message ToMessage() => Message.OfJson(JsonSerializer.Serialize(this), key: Member) with
    {
        Token = Token, Headers = [new(CentsHeader, Cents.ToString(CultureInfo.InvariantCulture))],
    };

    public static Order From(ReadOnlyMemory<byte> json) => JsonSerializer.Deserialize<Order>(json.Span) ?? throw new DeadLetterException("no order");
}
