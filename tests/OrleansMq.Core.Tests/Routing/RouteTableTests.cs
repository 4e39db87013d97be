using OrleansMq.Core.Routing;
using OrleansMq.Core.Snapshots;
using Xunit;

namespace OrleansMq.Core.Tests.Routing;

public sealed class RouteTableTests
{
    [Theory]
    [InlineData("a.b", "a.b", true)]
    [InlineData("a.b", "a", false)]
    [InlineData("a.b", "a.b.c", false)]
    [InlineData("*", "a", true)]
    [InlineData("*", "", true)]
    [InlineData("*", "a.b", false)]
    [InlineData("#", "", true)]
    [InlineData("#", "a.b.c", true)]
    [InlineData("a.#", "a", true)]
    [InlineData("a.#.z", "a.z", true)]
    [InlineData("a.#.z", "a.b.c.z", true)]
    [InlineData("a.#.z", "a.b.c", false)]
    [InlineData("#.*", "a", true)]
    [InlineData("#.*", "a.b", true)]
    [InlineData("*.*", "a", false)]
    [InlineData("A", "a", false)]
    public void APatternFitsAsInAmqp(string pattern, string key, bool fits) => Assert.Equal(fits, Goes(pattern, key));

    [Fact]
    public void AWordOfAKeyIsNoPattern()
    {
        Assert.False(Goes("a.b", "a.*"));
        Assert.False(Goes("a.b", "#"));
        Assert.True(Goes("a.*", "a.*"));
        Assert.True(Goes("a.*", "a.#"));
    }

    [Fact]
    public void ManyWaysToTheSamePlaceAreLookedAtOnce()
    {
        // Without that the ways would be more than this test could live to count.
        var pattern = string.Join('.', Enumerable.Repeat("#", 60)) + ".z";

        Assert.False(Goes(pattern, string.Join('.', Enumerable.Repeat("a", 120))));
    }

    [Fact]
    public void AnExchangeReadsBackAsItWasWritten()
    {
        var exchange = Exchange(ExchangeKind.Headers, new Binding { Topic = "t", Headers = new Dictionary<string, string?> { ["a"] = "b", ["c"] = null }, AnyHeader = true }, Binding.ToExchange("y", "k"))
            with { Alternate = "rest" };

        var read = ExchangeDocument.FromJson(exchange.ToJson());

        Assert.Equal((exchange.Name, exchange.Kind, exchange.Alternate), (read.Name, read.Kind, read.Alternate));
        Assert.Equal(exchange.Bindings.ToArray(), read.Bindings.ToArray());
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"version":1,"name":"x"}""")]
    [InlineData("""{"version":2,"name":"x","kind":"direct"}""")]
    [InlineData("""{"version":1,"name":"x","kind":"other"}""")]
    [InlineData("""{"version":1,"name":"no name","kind":"direct"}""")]
    [InlineData("""{"version":1,"name":"x","kind":"direct","bindings":[{"topic":"no name"}]}""")]
    public void WhatIsNoExchangeIsSaid(string json) =>
        Assert.Throws<StateFormatException>(() => ExchangeDocument.FromJson(System.Text.Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void ThereIsALimitOfBindings()
    {
        var exchange = Exchange(ExchangeKind.Direct) with { Bindings = [.. Enumerable.Range(0, RoutingRules.MaxBindings).Select(n => Binding.ToTopic("t", $"{n}"))] };

        Assert.Same(exchange, exchange.With(Binding.ToTopic("t", "0")));
        Assert.Equal(ErrorCodes.Conflict, Assert.Throws<MqException>(() => exchange.With(Binding.ToTopic("t", "one more"))).Code);
    }

    private static bool Goes(string pattern, string key) =>
        RouteTable.Route(new RouteTable(Exchange(ExchangeKind.Pattern, Binding.ToTopic("t", pattern))), new RoutingFacts(key, []), _ => null).Count == 1;

    private static ExchangeDocument Exchange(ExchangeKind kind, params Binding[] bindings) => new() { Name = "x", Kind = kind, Bindings = [.. bindings] };
}
