using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>A gateway on a free port over a scripted broker, and a plain client.</summary>
internal sealed class Served : IAsyncDisposable
{
    private Served(ScriptedBroker broker, HttpGateway gateway) =>
        (Broker, Gateway, Client) = (broker, gateway, new HttpClient { BaseAddress = gateway.Uri, Timeout = TimeSpan.FromSeconds(30) });

    public ScriptedBroker Broker { get; }
    public HttpGateway Gateway { get; }
    public HttpClient Client { get; }

    public static async Task<Served> Start(HttpGatewayOptions? options = null)
    {
        var broker = new ScriptedBroker();
        return new Served(broker, await HttpGateway.Start(broker, (options ?? new HttpGatewayOptions()) with { Port = 0 }));
    }

    public async Task<Answer> Send(string method, string path, string? body = null, string? type = "application/json")
    {
        return await Send(method, path, body is null ? null : Encoding.UTF8.GetBytes(body), type);
    }

    public async Task<Answer> Send(string method, string path, byte[]? body, string? type, CancellationToken cancel = default)
    {
        // Not through Uri: it would tidy the path.
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri($"http://{Gateway.Address}{path}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            if (type is not null)
                request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }
        return await Send(request, cancel);
    }

    public async Task<Answer> Send(HttpRequestMessage request, CancellationToken cancel = default)
    {
        using var response = await Client.SendAsync(request, cancel);
        return new Answer(response.StatusCode, response.Content.Headers.ContentType?.MediaType, response.Headers, response.Content.Headers, await response.Content.ReadAsByteArrayAsync(cancel));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Gateway.DisposeAsync();
    }
}

internal sealed record Answer(HttpStatusCode Status, string? Type, HttpResponseHeaders Headers, HttpContentHeaders ContentHeaders, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);

    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public string Header(string name) => Headers.GetValues(name).Single();

    /// <summary>Checks that this is a whole problem document.</summary>
    public string ProblemCode()
    {
        Assert.Equal("application/problem+json", Type);
        var problem = Json;
        Assert.Equal((int)Status, problem.GetProperty("status").GetInt32());
        Assert.NotEmpty(problem.GetProperty("title").GetString()!);
        Assert.NotEmpty(problem.GetProperty("type").GetString()!);
        Assert.NotEmpty(problem.GetProperty("detail").GetString()!);
        if ((int)Status is 429 or 503)
        {
            Assert.True(Headers.RetryAfter?.Delta >= TimeSpan.FromSeconds(1));
            Assert.True(problem.GetProperty("retryAfterMs").GetInt64() > 0);
        }
        var code = problem.GetProperty("code").GetString()!;
        Assert.Contains(code, HttpErrors.Table.Keys);
        return code;
    }
}
