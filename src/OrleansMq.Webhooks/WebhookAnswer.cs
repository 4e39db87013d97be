using System.Net.Http.Headers;

namespace OrleansMq.Webhooks;

/// <summary>What a receiver's answer means.</summary>
/// <param name="Failure">Null: it has the message.</param>
/// <param name="RetryAfter">How long it asks to be left alone.</param>
internal readonly record struct WebhookAnswer(string? Failure, TimeSpan? RetryAfter = null)
{
    /// <summary>Longer ones are taken for this.</summary>
    public static readonly TimeSpan MaxRetryAfter = TimeSpan.FromHours(1);

    public static WebhookAnswer Of(HttpResponseMessage response, DateTimeOffset now) => response.IsSuccessStatusCode
        ? default
        : new WebhookAnswer($"it answered {(int)response.StatusCode}", Bounded(response.Headers.RetryAfter, now));

    private static TimeSpan? Bounded(RetryConditionHeaderValue? header, DateTimeOffset now)
    {
        var asked = header?.Delta ?? (header?.Date is { } date ? date - now : null);
        return asked is not { } delay || delay <= TimeSpan.Zero ? null : delay < MaxRetryAfter ? delay : MaxRetryAfter;
    }
}
