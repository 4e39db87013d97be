using System.Text.Json;

namespace OrleansMq.Gateways.Http.Tests;

public sealed class OpenApiTests : IAsyncLifetime
{
    private Served _served = null!;

    public async Task InitializeAsync() => _served = await Served.Start();

    public async Task DisposeAsync() => await _served.DisposeAsync();

    [Fact]
    public async Task AnotherReaderFindsNoFault()
    {
        var text = (await _served.Send("GET", "/openapi/v1.json")).Text;
        var read = Microsoft.OpenApi.OpenApiDocument.Parse(text, "json");
        Assert.Empty(read.Diagnostic!.Errors);
        Assert.Equal(HttpPipeline.RoutesOf(new HttpMetrics(), default).Count, read.Document!.Paths.Values.Sum(path => path.Operations!.Count));
    }

    [Fact]
    public async Task EveryReferenceLeadsSomewhereAndEverySchemaIsUsed()
    {
        var document = (await _served.Send("GET", "/openapi/v1.json")).Json;
        var references = References(document).ToHashSet();
        foreach (var reference in references)
        {
            var at = document;
            foreach (var step in reference.TrimStart('#', '/').Split('/'))
                Assert.True(at.TryGetProperty(step, out at), reference);
        }
        foreach (var schema in document.GetProperty("components").GetProperty("schemas").EnumerateObject())
            Assert.Contains($"#/components/schemas/{schema.Name}", references);
    }

    [Fact]
    public async Task EveryFieldOfAGoodBodyIsDescribed()
    {
        var document = (await _served.Send("GET", "/openapi/v1.json")).Json;
        foreach (var (method, path, body) in Bodies.All)
        {
            var route = HttpPipeline.RoutesOf(new HttpMetrics(), default).Single(each => each.Method == method && each.Match(path[1..].Split('/')) is not null);
            var schema = document.GetProperty("components").GetProperty("schemas").GetProperty(route.RequestSchema == "Messages" ? "Message" : route.RequestSchema!);
            foreach (var field in JsonDocument.Parse(body).RootElement.EnumerateObject())
                Assert.True(schema.GetProperty("properties").TryGetProperty(field.Name, out _), $"{route.RequestSchema}.{field.Name}");
            // And none that the gateway then refuses.
            foreach (var described in schema.GetProperty("properties").EnumerateObject())
            {
                var answer = await _served.Send(method, path, "{\"" + described.Name + "\":{\"no\":\"such\"}}");
                Assert.DoesNotContain("is no field of this request", described.Name == "body" ? "" : answer.Text.Replace($"{described.Name}.no is no field", "", StringComparison.Ordinal), StringComparison.Ordinal);
            }
        }
    }

    private static IEnumerable<string> References(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(property =>
            property.Name == "$ref" ? [property.Value.GetString()!] : References(property.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(References),
        _ => [],
    };
}
