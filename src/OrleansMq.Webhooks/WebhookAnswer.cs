using System.Globalization;
using System.Net.Http.Headers;

namespace OrleansMq.Webhooks;

/// <summary>What a receiver's answer means.</summary>
/// <param name="Failure">Null: it has the message.</param>
/// <param name="RetryAfter">How long it asks to be left alone.</param>
/// <param name="Shown">Its status, or why there is none, as whoever registered the webhook may know it.</param>
internal readonly record struct WebhookAnswer(string? Failure, string Shown, TimeSpan? RetryAfter = null)
{
    /// <summary>Longer ones are taken for this.</summary>
    public static readonly TimeSpan MaxRetryAfter = TimeSpan.FromHours(1);

    public static WebhookAnswer Of(HttpResponseMessage response, DateTimeOffset now) => response.IsSuccessStatusCode
        ? new WebhookAnswer(null, StatusOf(response))
        : new WebhookAnswer($"it answered {StatusOf(response)}", StatusOf(response), Bounded(response.Headers.RetryAfter, now));

    public static WebhookAnswer None(string why, string? shown = null) => new(why, shown ?? why);

    private static string StatusOf(HttpResponseMessage response) => ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture);

    private static TimeSpan? Bounded(RetryConditionHeaderValue? header, DateTimeOffset now)
    {
        var asked = header?.Delta ?? (header?.Date is { } date ? date - now : null);
        return asked is not { } delay || delay <= TimeSpan.Zero ? null : delay < MaxRetryAfter ? delay : MaxRetryAfter;
    }
}
