using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OrleansMq.Samples.Flights;

/// <summary>One departure. Its number is its row in the data, and goes on from round to round: number <c>n</c> departs after number <c>n-1</c>.</summary>
internal sealed record Flight(int Number, string Date, int Delay, int Distance, string Origin, string Destination)
{
    public const int DelayedFromMinutes = 15;

    private static readonly JsonSerializerOptions CamelCase = new(JsonSerializerDefaults.Web);

    /// <summary>The idempotency token: whoever publishes this flight twice publishes it once.</summary>
    [JsonIgnore]
    public string Token => $"flight-{Number.ToString(CultureInfo.InvariantCulture)}";

    [JsonIgnore]
    public bool IsDelayed => Delay > DelayedFromMinutes;

    public Message ToMessage() => new()
    {
        Key = Encoding.UTF8.GetBytes(Origin),
        Body = JsonSerializer.SerializeToUtf8Bytes(this, CamelCase),
        ContentType = "application/json",
        Token = Token,
    };

    public static Flight Of(StoredMessage message) => JsonSerializer.Deserialize<Flight>(message.Body.Span, CamelCase)!;
}
