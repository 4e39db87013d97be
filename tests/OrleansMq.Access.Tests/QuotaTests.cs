using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using OrleansMq.Conformance;
using OrleansMq.Gateways;
using OrleansMq.Gateways.Http;

namespace OrleansMq.Access.Tests;

/// <summary>How much one may take.</summary>
public sealed class QuotaTests
{
    private static readonly Principal Anna = Some.Anna with { Address = "10.0.0.1" };

    private readonly ManualTime _time = new();

    private async Task<AccessControl> Control(params Quota[] quotas)
    {
        var store = new MemoryStore();
        await (await Some.ControlWithAnna(store)).DisposeAsync();
        var control = await AccessControl.Start(store, new AccessControlOptions { Time = _time, LookEvery = Timeout.InfiniteTimeSpan });
        foreach (var quota in quotas)
            await control.Directory.SetQuota(quota.Scope, quota.Who, quota.Kind, quota.Limit);
        return control;
    }

    [Fact]
    public async Task RequestsBeyondTheQuotaAreRefusedWithItsNameUntilTheTimeThatWasNamed()
    {
        await using var control = await Control(new Quota(QuotaScope.User, "anna", QuotaKind.RequestsPerSecond, 5));
        for (var i = 0; i < 5; i++)
            Assert.Null(control.Quotas.Take(Anna));

        var refusal = control.Quotas.Take(Anna);
        Assert.Equal(ErrorCodes.RateLimited, refusal?.Code);
        Assert.Contains("requests-per-second of user anna, 5,", refusal!.Message, StringComparison.Ordinal);

        _time.Advance(refusal.RetryAfter!.Value);
        Assert.Null(control.Quotas.Take(Anna));
        Assert.NotNull(control.Quotas.Take(Anna));
    }

    [Fact]
    public async Task WhoIsRefusedIsToldATimeOfItsOwnSoThatAllWhoWaitDoNotComeAsOne()
    {
        await using var control = await Control(new Quota(QuotaScope.User, "anna", QuotaKind.RequestsPerSecond, 10));
        Use(control, 10);

        var told = Enumerable.Range(0, 5).Select(_ => Told(control)).ToList();

        Assert.Equal([100, 200, 300, 400, 500], told.Select(Milliseconds));
        // Each who comes when it was told to finds a request free, and who comes before finds none.
        var since = TimeSpan.Zero;
        foreach (var time in told)
        {
            _time.Advance(time - since - TimeSpan.FromMilliseconds(1));
            Assert.NotNull(control.Quotas.Take(Anna));
            _time.Advance(TimeSpan.FromMilliseconds(1));
            Assert.Null(control.Quotas.Take(Anna));
            since = time;
        }
    }

    [Fact]
    public async Task NobodyIsToldToWaitForACrowdThatIsLargerThanTenSecondsHold()
    {
        await using var control = await Control(new Quota(QuotaScope.User, "anna", QuotaKind.RequestsPerSecond, 10));
        Use(control, 10);

        var told = Enumerable.Range(0, 1_000).Select(_ => Milliseconds(Told(control))).ToList();

        Assert.Equal((100, 10_100), (told.Min(), told.Max()));
        // As many for each moment as for any other, within one.
        Assert.InRange(told.GroupBy(time => time).Max(those => those.Count()), 9, 11);
    }

    [Fact]
    public async Task ATimeThatWasToldAndNotUsedIsNoLoss()
    {
        await using var control = await Control(new Quota(QuotaScope.User, "anna", QuotaKind.RequestsPerSecond, 10));
        Use(control, 10);
        for (var i = 0; i < 50; i++)
            Told(control);

        _time.Advance(TimeSpan.FromSeconds(1));

        Use(control, 10);
        // A crowd that was there longer ago than it was told to wait puts nobody off.
        _time.Advance(TimeSpan.FromSeconds(10));
        Use(control, 10);
        Assert.Equal(100, Milliseconds(Told(control)));
    }

    [Fact]
    public async Task WhoWaitsForBytesIsPutBehindTheOtherByWhatWasTakenLast()
    {
        await using var control = await Control(new Quota(QuotaScope.User, "anna", QuotaKind.BytesPerSecond, 1_000));
        control.Quotas.Charge(Anna, 1_400);
        control.Quotas.Charge(Anna, 100);

        Assert.Equal([500, 600, 700], Enumerable.Range(0, 3).Select(_ => Milliseconds(Told(control))));
    }

    [Fact]
    public async Task WhoWaitsHasItsTurnKeptAndWhoDoesNotWaitGivesItBack()
    {
        await using var control = await Control(new Quota(QuotaScope.User, "anna", QuotaKind.RequestsPerSecond, 10));
        Use(control, 10);
        var patience = TimeSpan.FromMilliseconds(200);

        Assert.Equal([100, 200], Enumerable.Range(0, 2).Select(_ => Turn()));
        Assert.Equal(300, Milliseconds(control.Quotas.Take(Anna, patience, out _)!.RetryAfter!.Value));
        control.Quotas.GiveBack(Anna);
        Assert.Equal(200, Turn());

        // Those who wait have taken theirs: who comes then has its own turn behind them.
        _time.Advance(patience);
        Assert.Equal(100, Turn());

        int Turn()
        {
            Assert.Null(control.Quotas.Take(Anna, patience, out var wait));
            return Milliseconds(wait);
        }
    }

    [Fact]
    public async Task WhatIsWithinItsQuotasAllocatesNothing()
    {
        await using var control = await Control(
            new Quota(QuotaScope.User, "anna", QuotaKind.RequestsPerSecond, 1_000_000), new Quota(QuotaScope.Address, Quota.Each, QuotaKind.BytesPerSecond, 1 << 30));
        Requests(100);

        var before = GC.GetAllocatedBytesForCurrentThread();
        Requests(10_000);

        // Less than a tenth of a byte for each; the runtime may do something of its own meanwhile.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000);

        void Requests(int count)
        {
            for (var i = 0; i < count; i++)
                if (control.Quotas.Take(Anna, TimeSpan.FromSeconds(1), out _) is not null || control.Quotas.Charge(Anna, 10) > TimeSpan.Zero)
                    throw new InvalidOperationException("It was refused.");
        }
    }

    private static void Use(AccessControl control, int requests)
    {
        for (var i = 0; i < requests; i++)
            Assert.Null(control.Quotas.Take(Anna));
    }

    private static TimeSpan Told(AccessControl control) => control.Quotas.Take(Anna)!.RetryAfter!.Value;

    private static int Milliseconds(TimeSpan time) => (int)Math.Round(time.TotalMilliseconds);

    [Fact]
    public async Task BytesLeaveADebtThatTimePays()
    {
        await using var control = await Control(new Quota(QuotaScope.User, "anna", QuotaKind.BytesPerSecond, 1_000));

        Assert.Equal(TimeSpan.FromSeconds(4), control.Quotas.Charge(Anna, 5_000));

        Assert.Contains("bytes-per-second", control.Quotas.Take(Anna)!.Message, StringComparison.Ordinal);
        _time.Advance(TimeSpan.FromSeconds(3.9));
        Assert.NotNull(control.Quotas.Take(Anna));
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Null(control.Quotas.Take(Anna));
    }

    [Fact]
    public async Task TheQuotaOfEachIsForThoseWithoutTheirOwnAndNotForAdministrators()
    {
        await using var control = await Control(
            new Quota(QuotaScope.User, Quota.Each, QuotaKind.RequestsPerSecond, 1), new Quota(QuotaScope.User, "bea", QuotaKind.RequestsPerSecond, 3));

        Assert.Equal((1, 3, 10), (Taken(Anna), Taken(new Principal("bea")), Taken(Some.Admin)));

        int Taken(Principal principal) => Enumerable.Range(0, 10).Count(_ => control.Quotas.Take(principal) is null);
    }

    [Fact]
    public async Task OneUsersFloodDoesNotTakeAnothersQuotaButAnAddressIsSharedByItsUsers()
    {
        await using var control = await Control(
            new Quota(QuotaScope.User, Quota.Each, QuotaKind.RequestsPerSecond, 2), new Quota(QuotaScope.Address, "10.0.0.1", QuotaKind.RequestsPerSecond, 3));

        Assert.Equal(2, Enumerable.Range(0, 10).Count(_ => control.Quotas.Take(Anna) is null));
        Assert.Equal(1, Enumerable.Range(0, 10).Count(_ => control.Quotas.Take(new Principal("bea") { Address = "10.0.0.1" }) is null));
        // What the full address refused was not taken from the user.
        Assert.Equal(1, Enumerable.Range(0, 10).Count(_ => control.Quotas.Take(new Principal("bea") { Address = "10.0.0.2" }) is null));
    }

    [Fact]
    public async Task AQuotaTakenAwayLimitsNoMore()
    {
        await using var control = await Control(new Quota(QuotaScope.User, "anna", QuotaKind.RequestsPerSecond, 1));
        control.Quotas.Take(Anna);
        Assert.NotNull(control.Quotas.Take(Anna));

        await control.Directory.SetQuota(QuotaScope.User, "anna", QuotaKind.RequestsPerSecond, null);

        Assert.Null(control.Quotas.Take(Anna));
        Assert.Empty(await control.Directory.ListQuotas());
    }

    [Theory]
    [InlineData(QuotaScope.User, "anna", QuotaKind.Connections, 1)]
    [InlineData(QuotaScope.User, "anna", QuotaKind.RequestsPerSecond, 0)]
    [InlineData(QuotaScope.User, "", QuotaKind.RequestsPerSecond, 1)]
    [InlineData(QuotaScope.Address, "10.0.0", QuotaKind.Connections, 1)]
    [InlineData(QuotaScope.Address, "anna", QuotaKind.Connections, 1)]
    public async Task AQuotaThatCouldNeverApplyIsRefused(QuotaScope scope, string who, QuotaKind kind, long limit)
    {
        await using var control = await Control();

        Assert.Equal(ErrorCodes.Malformed, (await Assert.ThrowsAsync<MqException>(async () => await control.Directory.SetQuota(scope, who, kind, limit))).Code);
    }

    [Fact]
    public async Task OverHttpItIs429WithTheTimeToComeAgain()
    {
        await using var control = await Control();
        await using var broker = await EmbeddedBroker.InMemory();
        await using var gateway = await HttpGateway.Start(broker, new HttpGatewayOptions { Port = 0, MaxQuotaWait = TimeSpan.Zero, Security = new GatewaySecurity { Access = control } });
        await using var admin = HttpBroker.Connect(gateway.Uri, new HttpBrokerOptions { Credential = HttpCredential.OfPassword("admin", Some.AdminPassword) });
        await admin.Access.SetQuota(QuotaScope.User, "anna", QuotaKind.RequestsPerSecond, 1);
        Assert.Equal([new Quota(QuotaScope.User, "anna", QuotaKind.RequestsPerSecond, 1)], await admin.Access.ListQuotas());
        using var client = new HttpClient { BaseAddress = gateway.Uri };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"anna:{Some.Password}")));

        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/v1/topics")).StatusCode);
        using var refused = await client.GetAsync("/v1/topics");

        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.True(refused.Headers.RetryAfter?.Delta >= TimeSpan.FromSeconds(1));
        Assert.Contains("requests-per-second", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAddressHasSoManyConnectionsAndAFreedOneIsGivenAgain()
    {
        await using var control = await Control(new Quota(QuotaScope.Address, "127.0.0.1", QuotaKind.Connections, 2));
        await using var broker = await EmbeddedBroker.InMemory();
        await using var gateway = await HttpGateway.Start(broker, new HttpGatewayOptions { Port = 0, Security = new GatewaySecurity { Access = control } });
        using var one = await Connected();
        using var two = await Connected();
        Assert.True(await Answers(one));
        Assert.True(await Answers(two));

        Assert.False(await IsAnswered());

        one.Dispose();
        // The server sees the end when it reads it: the next that asks may still come too early.
        var freed = false;
        for (var since = Stopwatch.GetTimestamp(); !freed && Stopwatch.GetElapsedTime(since) < TimeSpan.FromMinutes(1);)
            freed = await IsAnswered();
        Assert.True(freed);

        async Task<bool> IsAnswered()
        {
            try
            {
                using var client = await Connected();
                return await Answers(client);
            }
            catch (SocketException)
            {
                // Cut off before it was made.
                return false;
            }
        }

        async Task<TcpClient> Connected()
        {
            var client = new TcpClient();
            await client.ConnectAsync(gateway.Uri.Host, gateway.Uri.Port);
            return client;
        }
    }

    private static async Task<bool> Answers(TcpClient client)
    {
        try
        {
            await client.GetStream().WriteAsync("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
            return await client.GetStream().ReadAsync(new byte[1]) == 1;
        }
        catch (Exception e) when (e is IOException or SocketException or InvalidOperationException)
        {
            return false;
        }
    }
}
