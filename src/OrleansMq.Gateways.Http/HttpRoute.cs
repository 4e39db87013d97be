namespace OrleansMq.Gateways.Http;

/// <summary>What a call takes as its body.</summary>
internal enum BodyKind
{
    None,
    Json,

    /// <summary>All fields may be left out, and so may the body.</summary>
    OptionalJson,
    Octets,
}

/// <summary>A parameter behind the question mark.</summary>
/// <param name="Schema">Its JSON schema, for the OpenAPI document.</param>
internal sealed record QueryParameter(string Name, string Text, string Schema, bool Required = false);

/// <summary>One call: its address, what it takes and gives, and what does it. The router, the metrics and the OpenAPI document are made from it.</summary>
/// <param name="Template">Segments in braces are parameters: <c>/v1/topics/{topic}</c>.</param>
/// <param name="Name">In the metrics, and the OpenAPI document's operation id.</param>
internal sealed record HttpRoute(string Method, string Template, string Name, string Summary, Func<HttpCall, ValueTask> Handle)
{
    public BodyKind Body { get; init; }
    public IReadOnlyList<QueryParameter> Query { get; init; } = [];

    /// <summary>Something may have changed when the call ends badly.</summary>
    public bool Changes { get; init; }

    /// <summary>Tells nothing of what the broker holds: nobody is asked who they are.</summary>
    public bool Public { get; init; }

    /// <summary>Answered even where the gateway is full.</summary>
    public bool Vital { get; init; }

    /// <summary>The request's schema by name. Null where it has no JSON body.</summary>
    public string? RequestSchema { get; init; }

    /// <summary>The answer's schema by name. Null where it has no JSON body.</summary>
    public string? AnswerSchema { get; init; }

    /// <summary>The answer's media type where it is not JSON.</summary>
    public string? AnswerType { get; init; }

    /// <summary>Statuses of success.</summary>
    public IReadOnlyList<int> Statuses { get; init; } = [200];

    /// <summary>HEAD is answered as GET without its body: not where a GET changes something.</summary>
    public bool HasHead => Method == "GET" && !Changes;

    public IReadOnlyList<string> Segments { get; } = Template.Split('/', StringSplitOptions.RemoveEmptyEntries);

    public IEnumerable<string> Parameters => Segments.Where(IsParameter).Select(segment => segment[1..^1]);

    /// <returns>The parameters' values in order; null where the path is another's.</returns>
    public string[]? Match(ReadOnlySpan<string> path)
    {
        if (path.Length != Segments.Count)
            return null;
        List<string>? values = null;
        for (var i = 0; i < path.Length; i++)
        {
            if (IsParameter(Segments[i]) && path[i].Length > 0)
                (values ??= []).Add(path[i]);
            else if (!string.Equals(Segments[i], path[i], StringComparison.Ordinal))
                return null;
        }
        return values?.ToArray() ?? [];
    }

    private static bool IsParameter(string segment) => segment[0] == '{';
}
