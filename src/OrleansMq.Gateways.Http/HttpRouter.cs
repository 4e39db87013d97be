using Microsoft.AspNetCore.Http;

namespace OrleansMq.Gateways.Http;

/// <summary>Finds the call that a request is meant for.</summary>
internal sealed class HttpRouter(IReadOnlyList<HttpRoute> routes)
{
    private readonly Dictionary<int, HttpRoute[]> _byLength =
        routes.GroupBy(route => route.Segments.Count).ToDictionary(same => same.Key, same => same.ToArray());

    /// <param name="values">The path's parameters, in order.</param>
    /// <param name="allowed">The methods that the path has, where it has not this one.</param>
    /// <returns>Null: there is no such call; then <paramref name="allowed"/> is empty unless only the method is wrong.</returns>
    public HttpRoute? Find(string method, string path, out string[] values, out IReadOnlyList<string> allowed)
    {
        (values, allowed) = ([], []);
        // A leading slash and then segments, none of them empty: "/v1//topics" and "/v1/topics/" are other paths.
        if (path.Length == 0 || path[0] != '/' || !_byLength.TryGetValue(path.Count('/'), out var candidates))
            return null;
        var segments = path[1..].Split('/');
        var (isHead, hasHead) = (HttpMethods.IsHead(method), false);
        List<string>? others = null;
        foreach (var route in candidates)
        {
            if (route.Match(segments) is not { } matched)
                continue;
            if (isHead ? route.HasHead : route.Method == method)
            {
                values = matched;
                return route;
            }
            (others ??= []).Add(route.Method);
            hasHead |= route.HasHead;
        }
        if (others is not null)
            allowed = hasHead ? [.. others, HttpMethods.Head] : others;
        return null;
    }
}
