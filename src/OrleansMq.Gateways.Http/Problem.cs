using System.Text.Json;
using Microsoft.AspNetCore.Http;
using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>Answers a refusal as a problem document (RFC 9457).</summary>
internal static class Problem
{
    public const string ContentType = "application/problem+json";

    /// <param name="more">Fields beside those of the problem.</param>
    /// <param name="status">Where it is not the code's own.</param>
    public static ValueTask Answer(HttpCall call, MqError error, Action<Utf8JsonWriter>? more = null, int? status = null)
    {
        var http = HttpErrors.Of(error.Code);
        var answered = status ?? http.Status;
        var retryAfter = error.RetryAfter ?? http.RetryAfter;
        if (retryAfter is { } wait && answered is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable)
            call.SetHeader("Retry-After", Math.Max(1, (Durations.Milliseconds(retryAfter.Value) + 999) / 1000));
        var shown = error with { RetryAfter = retryAfter };
        return call.Answer(answered, ContentType, writer => ErrorJson.WriteProblem(writer, answered, http.Title, shown, more));
    }
}
