using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>What is no HTTP, and never reaches a call, is a problem document all the same.</summary>
public sealed class ServerRefusalTests : IAsyncLifetime
{
    private Served _served = null!;

    public async Task InitializeAsync() => _served = await Served.Start();

    public async Task DisposeAsync() => await _served.DisposeAsync();

    public static TheoryData<string, int, string> Requests => new()
    {
        { "GET\r\n\r\n", 400, "malformed" },
        { "GET /v1/topics\r\n\r\n", 505, "malformed" },
        { "GET /v1/topics HTTP/3.7\r\nHost: x\r\n\r\n", 505, "malformed" },
        { "G@T /v1/topics HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed" },
        { "GET /v1/topics HTTP/1.1\r\n\r\n", 400, "malformed" },
        { "GET /v1/topics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "malformed" },
        { "GET /v1/topics HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400, "malformed" },
        { "GET /v1/topics HTTP/1.1\r\nHost: x\r\na\0b: c\r\n\r\n", 400, "malformed" },
        { "POST /v1/topics/t/messages HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400, "malformed" },
        { "POST /v1/topics/t/messages HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "malformed" },
        { "POST /v1/topics/t/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400, "malformed" },
        { $"GET /{new string('x', 10_000)} HTTP/1.1\r\nHost: x\r\n\r\n", 414, "request-too-large" },
        { $"GET /v1/topics HTTP/1.1\r\nHost: x\r\na: {new string('x', 40_000)}\r\n\r\n", 431, "request-too-large" },
        { $"GET /v1/topics HTTP/1.1\r\nHost: x\r\n{string.Concat(Enumerable.Range(0, 200).Select(i => $"a{i}: b\r\n"))}\r\n", 431, "request-too-large" },
        { "POST /v1/topics/t/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n", 400, "malformed" },
        { "POST /v1/topics/t/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}XX\r\n", 400, "malformed" },
        { "POST /v1/topics/t/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: gzip\r\n\r\n{}", 400, "malformed" },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task WhatIsNoHttpIsAProblemDocument(string request, int status, string code)
    {
        var (line, headers, body) = await Exchange(request);

        Assert.StartsWith($"HTTP/1.1 {status} ", line, StringComparison.Ordinal);
        Assert.Contains("Content-Type: application/problem+json", headers, StringComparison.OrdinalIgnoreCase);
        using var problem = JsonDocument.Parse(body);
        Assert.Equal((status, code), (problem.RootElement.GetProperty("status").GetInt32(), problem.RootElement.GetProperty("code").GetString()));
        Assert.NotEmpty(problem.RootElement.GetProperty("detail").GetString()!);
        Assert.Empty(_served.Broker.Changes);
    }

    [Fact]
    public async Task AGoodRequestBeforeABadOneIsAnsweredFirst()
    {
        using var client = new TcpClient();
        var all = await All(client, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 200 ", all, StringComparison.Ordinal);
        Assert.Contains("HTTP/1.1 400 Bad Request\r\n", all, StringComparison.Ordinal);
        Assert.EndsWith("}", all, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ManyGoodRequestsOnOneConnectionAreAnsweredWhole()
    {
        for (var i = 0; i < 20; i++)
            Assert.Equal(200, (int)(await _served.Send("GET", "/openapi/v1.json")).Status);
    }

    private async Task<(string Line, string Headers, string Body)> Exchange(string request)
    {
        using var client = new TcpClient();
        var all = await All(client, request);
        var end = all.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        Assert.True(end > 0, $"no answer: {all}");
        return (all[..all.IndexOf('\r', StringComparison.Ordinal)], all[..end], all[(end + 4)..]);
    }

    /// <summary>Everything until the server closes the connection.</summary>
    private async Task<string> All(TcpClient client, string request)
    {
        await client.ConnectAsync(_served.Gateway.Uri.Host, _served.Gateway.Uri.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request));
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return await reader.ReadToEndAsync();
    }
}
