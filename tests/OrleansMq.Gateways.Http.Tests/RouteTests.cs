namespace OrleansMq.Gateways.Http.Tests;

public sealed class RouteTests : IAsyncLifetime
{
    private static readonly string[] Methods = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"];
    private Served _served = null!;

    public async Task InitializeAsync() => _served = await Served.Start();

    public async Task DisposeAsync() => await _served.DisposeAsync();

    private static IReadOnlyList<HttpRoute> Routes => HttpPipeline.RoutesOf(new HttpMetrics(), default);

    private static string Example(HttpRoute route) => route.Template
        .Replace("{topic}", "t", StringComparison.Ordinal).Replace("{group}", "g", StringComparison.Ordinal)
        .Replace("{partition}", "0", StringComparison.Ordinal).Replace("{id}", "x", StringComparison.Ordinal).Replace("{user}", "u", StringComparison.Ordinal);

    [Fact]
    public async Task EveryGoodBodyIsTaken()
    {
        foreach (var (method, path, body) in Bodies.All)
        {
            var answer = await _served.Send(method, path, body);
            Assert.True((int)answer.Status is 200 or 201, $"{method} {path}: {answer.Text}");
        }
    }

    [Fact]
    public async Task EveryPathAnswersAWrongMethodWithThoseItHas()
    {
        foreach (var path in Routes.GroupBy(Example))
        {
            var has = path.Select(route => route.Method).ToList();
            foreach (var method in Methods.Except(has))
            {
                var answer = await _served.Send(method, path.Key);
                Assert.Equal((405, "method-not-allowed"), ((int)answer.Status, answer.ProblemCode()));
                Assert.Superset(has.ToHashSet(), answer.ContentHeaders.Allow.ToHashSet());
            }
        }
        Assert.Empty(_served.Broker.Changes);
    }

    [Fact]
    public async Task EveryCallRefusesAParameterItDoesNotKnow()
    {
        foreach (var route in Routes)
        {
            var answer = await _served.Send(route.Method, Example(route) + "?nobodys=1");
            Assert.Equal((400, "malformed"), ((int)answer.Status, answer.ProblemCode()));
            Assert.Contains("nobodys", answer.Text, StringComparison.Ordinal);
        }
        Assert.Empty(_served.Broker.Changes);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/v1")]
    [InlineData("/v2/topics")]
    [InlineData("/v1/topics/")]
    [InlineData("/v1//topics")]
    [InlineData("/v1/Topics")]
    [InlineData("/v1/topics/t/")]
    [InlineData("/v1/topics/t/partition")]
    [InlineData("/v1/topics/t/groups/g/acknowledge")]
    [InlineData("/v1/topics/t/groups/g/dlq")]
    [InlineData("/healthz/x")]
    public async Task UnknownPath(string path)
    {
        foreach (var method in Methods)
        {
            var answer = await _served.Send(method, path);
            Assert.Equal((404, "path-unknown"), ((int)answer.Status, answer.ProblemCode()));
        }
        Assert.Empty(_served.Broker.Changes);
    }

    [Fact]
    public async Task HeadAnswersAsGetWithoutABody()
    {
        var answer = await _served.Send("HEAD", "/healthz");
        Assert.Equal(200, (int)answer.Status);
        Assert.Empty(answer.Body);
    }

    [Fact]
    public void NoTwoCallsShareANameOrAnAddress()
    {
        Assert.Equal(Routes.Count, Routes.Select(route => route.Name).Distinct().Count());
        Assert.Equal(Routes.Count, Routes.Select(route => (route.Method, Example(route))).Distinct().Count());
    }
}
