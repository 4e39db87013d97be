using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace OrleansMq.Gateways.Http;

/// <summary>What is checked of each request before its body is read.</summary>
internal static class RequestChecks
{
    /// <exception cref="MqException">It is not a request of this route.</exception>
    public static void Check(HttpRequest request, HttpRoute route)
    {
        CheckOrigin(request, route);
        CheckQuery(request, route);
        if (route.Body == BodyKind.None)
            CheckNoBody(request);
        else
            CheckMediaType(request, route.Body);
    }

    // A web page of somebody else's must not steer a broker on the machine that shows it: browsers name the page's origin on every request by which something changes, save a GET without CORS.
    private static void CheckOrigin(HttpRequest request, HttpRoute route)
    {
        if (request.Headers.Origin.Count == 0)
        {
            if (route.Changes && request.Headers.TryGetValue("Sec-Fetch-Site", out var site) && site.ToString() is not ("same-origin" or "none"))
                throw OtherOrigin();
        }
        else if (!Uri.TryCreate(request.Headers.Origin.ToString(), UriKind.Absolute, out var origin)
            || !string.Equals(origin.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase))
        {
            throw OtherOrigin();
        }
    }

    private static MqException OtherOrigin() => new(ErrorCodes.Forbidden, "Requests from web pages of another origin are not answered.");

    private static void CheckQuery(HttpRequest request, HttpRoute route)
    {
        foreach (var (name, values) in request.Query)
        {
            // The framework's own reader of queries ignores case; we don't.
            if (!route.Query.Any(known => known.Name == name))
                throw new MqException(ErrorCodes.Malformed, $"'{(name.Length <= 60 ? name : name[..60] + "…")}' is no query parameter of this call.");
            if (values.Count > 1)
                throw new MqException(ErrorCodes.Malformed, $"The query parameter '{name}' stands there {values.Count} times.");
        }
        foreach (var known in route.Query)
            if (known.Required && !request.Query.ContainsKey(known.Name))
                throw new MqException(ErrorCodes.Malformed, $"The query parameter '{known.Name}' is missing.");
    }

    private static void CheckNoBody(HttpRequest request)
    {
        if (request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true && request.ContentLength != 0)
            throw new MqException(ErrorCodes.Malformed, "This call takes no body.");
    }

    private static void CheckMediaType(HttpRequest request, BodyKind kind)
    {
        var encoding = request.Headers.ContentEncoding.ToString();
        if (encoding.Length > 0 && !encoding.Equals("identity", StringComparison.OrdinalIgnoreCase))
            throw Unsupported($"A body encoded as '{encoding}' is not read; send it plain.");
        if (request.ContentType is not { Length: > 0 } text)
            return;
        if (!MediaTypeHeaderValue.TryParse(text, out var type) || type.MediaType is not { } media)
            throw Unsupported("The content type is no media type.");
        if (kind == BodyKind.Octets)
        {
            if (!media.Equals("application/octet-stream", StringComparison.OrdinalIgnoreCase))
                throw Unsupported($"Record batches come as application/octet-stream, not as {media}.");
        }
        else if (!media.Equals("application/json", StringComparison.OrdinalIgnoreCase))
        {
            throw Unsupported($"The body of this call is application/json, not {media}.");
        }
        else if (type.CharSet is { Length: > 0 } charset && !charset.Trim('"').Equals("utf-8", StringComparison.OrdinalIgnoreCase))
        {
            throw Unsupported($"JSON comes in UTF-8, not in {charset}.");
        }
    }

    private static MqException Unsupported(string detail) => new(HttpErrors.MediaTypeUnsupported, detail);
}
