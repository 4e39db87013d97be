using System.Net;
using System.Net.Http.Headers;
using System.Text;
using OrleansMq.Conformance;
using OrleansMq.Gateways;
using OrleansMq.Gateways.Http;
using OrleansMq.Json;

namespace OrleansMq.Access.Tests;

/// <summary>Over HTTP a request beyond a rate's quota waits for its turn where that comes soon.</summary>
public sealed class QuotaGateTests : IAsyncLifetime
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly ManualTime _time = new();
    private readonly List<HttpClient> _clients = [];
    private EmbeddedBroker _broker = null!;
    private AccessControl _control = null!;
    private HttpGateway _gateway = null!;
    private int _timers;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        var store = new MemoryStore();
        await (await Some.ControlWithAnna(store)).DisposeAsync();
        _control = await AccessControl.Start(store, new AccessControlOptions { Time = _time, LookEvery = Timeout.InfiniteTimeSpan });
        await Serve(new HttpGatewayOptions());
    }

    public async Task DisposeAsync()
    {
        foreach (var client in _clients)
            client.Dispose();
        await _gateway.DisposeAsync();
        await _control.DisposeAsync();
        await _broker.DisposeAsync();
    }

    private async Task Serve(HttpGatewayOptions options)
    {
        if (_gateway is not null)
            await _gateway.DisposeAsync();
        _gateway = await HttpGateway.Start(_broker, options with { Port = 0, Time = _time, Security = new GatewaySecurity { Access = _control } });
        _timers = _time.ArmedTimers;
    }

    private async Task Limit(long requests, QuotaScope scope = QuotaScope.User, string who = "anna") => await _control.Directory.SetQuota(scope, who, QuotaKind.RequestsPerSecond, requests);

    /// <summary>Asks on a connection of its own.</summary>
    private Task<HttpResponseMessage> Ask(string user = "anna", CancellationToken cancel = default)
    {
        var client = new HttpClient { BaseAddress = _gateway.Uri, Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{Some.Password}")));
        _clients.Add(client);
        return client.GetAsync("/v1/topics", cancel);
    }

    private static async Task<HttpStatusCode> StatusOf(Task<HttpResponseMessage> asked)
    {
        using var answer = await asked;
        return answer.StatusCode;
    }

    private Task AreHeld(int requests) => Eventually.Holds(() => _time.ArmedTimers == _timers + requests);

    [Fact]
    public async Task AFloodThatAsksOnManyConnectionsIsAnsweredOneByOneAndRefusedNothing()
    {
        await Limit(10);
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => StatusOf(Ask()))), status => Assert.Equal(HttpStatusCode.OK, status));

        var waiting = Enumerable.Range(0, 5).Select(_ => Ask()).ToList();
        await AreHeld(5);
        for (var answered = 1; answered <= 5; answered++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Eventually.Holds(() => waiting.Count(one => one.IsCompleted) == answered);
            Assert.Equal(_timers + 5 - answered, _time.ArmedTimers);
        }

        foreach (var one in waiting)
            Assert.Equal(HttpStatusCode.OK, await StatusOf(one));
    }

    [Fact]
    public async Task WhoseTurnComesLaterIsRefusedAndNotAtOnce()
    {
        await Limit(1);
        Assert.Equal(HttpStatusCode.OK, await StatusOf(Ask()));
        var first = Ask();
        await AreHeld(1);

        var second = Ask();
        await AreHeld(2);
        var third = Ask();
        await AreHeld(3);
        Assert.False(second.IsCompleted || third.IsCompleted);
        _time.Advance(Second);

        Assert.Equal(HttpStatusCode.OK, await StatusOf(first));
        // Each a time of its own, of which a second has been waited.
        Assert.Equal((1_000, 2_000), (await RefusedFor(second), await RefusedFor(third)));

        static async Task<long> RefusedFor(Task<HttpResponseMessage> asked)
        {
            using var answer = await asked;
            Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
            var problem = JsonForm.ReadAnswer(await answer.Content.ReadAsByteArrayAsync(), ErrorJson.Read);
            Assert.Contains("requests-per-second of user anna, 1,", problem.Detail, StringComparison.Ordinal);
            return (long)problem.RetryAfter!.Value.TotalMilliseconds;
        }
    }

    [Fact]
    public async Task WhoGoesWhileItWaitsGivesItsTurnBack()
    {
        await Limit(1);
        Assert.Equal(HttpStatusCode.OK, await StatusOf(Ask()));
        using var gone = new CancellationTokenSource();
        var waiting = Ask(cancel: gone.Token);
        await AreHeld(1);

        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await AreHeld(0);

        var next = Ask();
        await AreHeld(1);
        _time.Advance(Second);
        Assert.Equal(HttpStatusCode.OK, await StatusOf(next));
    }

    [Fact]
    public async Task AnAddressThatIsSharedHoldsItsUsersBackInTheSameWay()
    {
        await Limit(2, QuotaScope.Address, "127.0.0.1");
        for (var i = 0; i < 2; i++)
            Assert.Equal(HttpStatusCode.OK, await StatusOf(Ask()));

        var waiting = Ask();
        await AreHeld(1);
        _time.Advance(TimeSpan.FromMilliseconds(500));

        Assert.Equal(HttpStatusCode.OK, await StatusOf(waiting));
    }

    [Fact]
    public async Task NoMoreAreHeldBackThanTheLimitAndOfRefusalsHalfAsMany()
    {
        await Serve(new HttpGatewayOptions { MaxHeldRequests = 2 });
        await Limit(1);
        Assert.Equal(HttpStatusCode.OK, await StatusOf(Ask()));
        var held = Ask();
        await AreHeld(1);

        // Half of the room is taken, so a refusal has none.
        Assert.Equal(HttpStatusCode.TooManyRequests, await StatusOf(Ask()));
        await Limit(10);
        var other = Ask();
        await AreHeld(2);
        // All of it is, so a turn that comes soon has none either.
        Assert.Equal(HttpStatusCode.TooManyRequests, await StatusOf(Ask()));

        _time.Advance(Second);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (await StatusOf(held), await StatusOf(other)));
        await AreHeld(0);
    }

    [Fact]
    public async Task AGatewayThatStopsDoesNotWaitForThem()
    {
        await Limit(1);
        Assert.Equal(HttpStatusCode.OK, await StatusOf(Ask()));
        var waiting = Ask();
        await AreHeld(1);

        await _gateway.Stop(CancellationToken.None);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusOf(waiting));
        // It was not made, so nothing was taken for it.
        _time.Advance(Second);
        Assert.Null(_control.Quotas.Take(Some.Anna));
    }

    [Fact]
    public void LimitsThatCannotHoldAreRefusedByName()
    {
        foreach (var (wrong, name) in new[]
        {
            (new HttpGatewayOptions { MaxQuotaWait = TimeSpan.FromMinutes(2) }, nameof(HttpGatewayOptions.MaxQuotaWait)),
            (new HttpGatewayOptions { MaxQuotaWait = TimeSpan.FromTicks(-1) }, nameof(HttpGatewayOptions.MaxQuotaWait)),
            (new HttpGatewayOptions { MaxHeldRequests = -1 }, nameof(HttpGatewayOptions.MaxHeldRequests)),
        })
            Assert.StartsWith(name, Assert.Throws<ArgumentException>(wrong.Validate).Message, StringComparison.Ordinal);
    }
}
