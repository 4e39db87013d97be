using System.Collections.Concurrent;
using OrleansMq.Conformance.Idempotency;
using OrleansMq.Servers;
using StackExchange.Redis;
using Xunit;

namespace OrleansMq.Redis.Tests;

/// <summary>The port's contract, in Redis.</summary>
[Collection(RedisTests.Name)]
public sealed class RedisInboxContractTests : InboxContract<RedisEffect>
{
    private readonly IDatabase _redis;
    private readonly string _prefix;

    public RedisInboxContractTests(RedisServer server) => (_redis, _prefix) = server.Take();

    protected override Task<IInbox<RedisEffect>> Open() => Task.FromResult<IInbox<RedisEffect>>(new RedisInbox(_redis, "billing", new() { Prefix = _prefix }));

    protected override Task Count(RedisEffect scope)
    {
        scope.Do(redis => redis.StringIncrementAsync($"{_prefix}:counted"));
        return Task.CompletedTask;
    }

    protected override async Task<int> Counted() => (int)await _redis.StringGetAsync($"{_prefix}:counted");
}

/// <summary>What Redis' inbox promises besides.</summary>
[Collection(RedisTests.Name)]
public sealed class RedisInboxTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly IDatabase _redis;
    private readonly string _prefix;
    private readonly RedisKey _counted;

    public RedisInboxTests(RedisServer server)
    {
        (_redis, _prefix) = server.Take();
        _counted = $"{_prefix}:counted";
    }

    [Fact]
    public async Task EffectAndMarkAreOneTransaction()
    {
        var inbox = Inbox();
        await Assert.ThrowsAsync<TimeoutException>(() => inbox.Once("a", async (effect, cancel) =>
        {
            await Count(effect, cancel);
            throw new TimeoutException();
        }));
        Assert.False(await _redis.KeyExistsAsync(_counted));
        Assert.False(await _redis.KeyExistsAsync(Key("a")));

        Assert.True(await inbox.Once("a", Count));
        Assert.Equal(1, await Counted());
        Assert.Equal("taken", await _redis.StringGetAsync(Key("a")));
    }

    [Fact]
    public async Task AMarkIsForgottenAfterItsRetention()
    {
        await Inbox(new() { Retention = TimeSpan.FromDays(2) }).Once("long", Count);
        var left = await _redis.KeyTimeToLiveAsync(Key("long"));
        Assert.InRange(left!.Value, TimeSpan.FromDays(2) - TimeSpan.FromHours(1), TimeSpan.FromDays(2));

        var inbox = Inbox(new() { Retention = TimeSpan.FromMilliseconds(1) });
        Assert.True(await inbox.Once("short", Count));
        await Gone(Key("short"));
        Assert.True(await inbox.Once("short", Count));
    }

    [Fact]
    public async Task EachConsumerHasItsOwnTokens()
    {
        Assert.True(await Inbox().Once("a", Count));
        Assert.True(await new RedisInbox(_redis, "shipping", new() { Prefix = _prefix }).Once("a", Count));
        Assert.False(await Inbox().Once("a", Count));
    }

    /// <summary>What a process leaves that was killed between its claim and its commit.</summary>
    [Fact]
    public async Task AClaimOfADeadProcessEndsByItself()
    {
        await _redis.StringSetAsync(Key("a"), "claim:of-somebody-dead", TimeSpan.FromMilliseconds(500));
        Assert.True(await Inbox().Once("a", Count));
        Assert.Equal(1, await Counted());
    }

    [Fact]
    public async Task WhoLostItsClaimToAnotherStoresNothing()
    {
        var inbox = Inbox();
        var late = await Assert.ThrowsAsync<RedisInboxException>(() => inbox.Once("a", async (effect, cancel) =>
        {
            await Count(effect, cancel);
            // Its claim ends here, as after a long pause, and another is quicker.
            await _redis.KeyDeleteAsync(Key("a"));
            Assert.True(await inbox.Once("a", Count, CancellationToken.None));
        }));
        Assert.Contains("claim of 'a' was over", late.Message, StringComparison.Ordinal);
        Assert.False(late.OutcomeUnknown);
        Assert.Equal(1, await Counted());
        Assert.False(await inbox.Once("a", Count));
    }

    [Fact]
    public async Task AnEffectThatNeverEndsIsGivenUpAndSaysWhy()
    {
        var inbox = Inbox(new() { ClaimFor = TimeSpan.FromMilliseconds(200) });
        // The trap: the answer comes behind the commit, and the commit behind the effect.
        var trapped = await Assert.ThrowsAsync<RedisInboxException>(() => inbox.Once("a", async (effect, _) =>
        {
            Task answer = Task.CompletedTask;
            effect.Do(redis => answer = redis.StringIncrementAsync(_counted));
            await answer;
        }));
        Assert.Contains("ClaimFor", trapped.Message, StringComparison.Ordinal);
        Assert.True(await inbox.Once("a", Count));
        Assert.Equal(1, await Counted());
    }

    [Fact]
    public async Task WhatAnEffectRequiresHoldsOrNothingIsDone()
    {
        await _redis.StringSetAsync($"{_prefix}:stock", 1);
        var inbox = Inbox();
        Task Sell(RedisEffect effect, CancellationToken cancel)
        {
            effect.Require(Condition.StringEqual($"{_prefix}:stock", 1));
            effect.Do(redis => redis.StringDecrementAsync($"{_prefix}:stock"));
            return Count(effect, cancel);
        }

        Assert.True(await inbox.Once("a", Sell));
        Assert.Contains("requires", (await Assert.ThrowsAsync<RedisInboxException>(() => inbox.Once("b", Sell))).Message, StringComparison.Ordinal);
        Assert.Equal(1, await Counted());
        Assert.True(await inbox.Once("b", Count)); // not taken
    }

    [Fact]
    public async Task ACommandThatRedisRefusesInTheTransactionIsSaid()
    {
        await _redis.ListRightPushAsync($"{_prefix}:list", "x");
        var inbox = Inbox();
        var refused = await Assert.ThrowsAsync<RedisInboxException>(() => inbox.Once("a", (effect, cancel) =>
        {
            effect.Do(redis => redis.StringIncrementAsync($"{_prefix}:list"));
            return Count(effect, cancel);
        }));
        Assert.Contains("the token is taken", refused.Message, StringComparison.Ordinal);
        Assert.Equal((true, false), (refused.TokenTaken, refused.OutcomeUnknown));
        // No roll-back in Redis: the other command was done.
        Assert.Equal(1, await Counted());
        Assert.False(await inbox.Once("a", Count));
    }

    [Fact]
    public async Task WhileRedisIsAwayNothingIsTakenAndItIsSaid()
    {
        var process = await RedisProcess.Start();
        await using var connection = await RedisServer.Connect(process.Address);
        var inbox = new RedisInbox(connection.GetDatabase(), "billing");
        Assert.True(await inbox.Once("a", Count));

        await process.DisposeAsync();
        var ran = false;
        var away = await Assert.ThrowsAsync<RedisInboxException>(() => inbox.Once("b", (_, _) =>
        {
            ran = true;
            return Task.CompletedTask;
        }));
        Assert.False(ran);
        Assert.False(away.OutcomeUnknown);
        Assert.Contains("'billing'", away.Message, StringComparison.Ordinal);
        Assert.IsType<RedisConnectionException>(away.InnerException);
    }

    /// <summary>What comes behind the commit is told as such, whatever it is.</summary>
    [Fact]
    public async Task AnEffectThatFailsBehindItsCommitSaysThatTheTokenIsTaken()
    {
        var inbox = Inbox();
        var failed = await Assert.ThrowsAsync<RedisInboxException>(() => inbox.Once("a", (effect, _) =>
        {
            effect.Do(redis => redis.StringIncrementAsync(_counted).ContinueWith<long>(_ => throw new NotSupportedException("Its answer is no good."), TaskScheduler.Default));
            return Task.CompletedTask;
        }));
        Assert.Equal((true, false), (failed.TokenTaken, failed.OutcomeUnknown));
        Assert.IsType<NotSupportedException>(failed.InnerException);
        Assert.Equal(1, await Counted());
        Assert.False(await inbox.Once("a", Count));
    }

    [Fact]
    public async Task WhereTheAnswerOfTheCommitIsLostTheOutcomeIsUnknownAndARedeliveryFindsOut()
    {
        await using var line = ExecProxy.Before(_redis);
        await using var connection = await RedisServer.Connect(line.Address);
        // The commit is cut off when Redis has carried it out.
        line.Answered = async () =>
        {
            while (await _redis.StringGetAsync(Key("a")) != "taken")
                await Task.Delay(TimeSpan.FromMilliseconds(1));
        };
        var lost = await Assert.ThrowsAsync<RedisInboxException>(() =>
            new RedisInbox(connection.GetDatabase(), "billing", new() { Prefix = _prefix }).Once("a", Count).WaitAsync(Patience));

        Assert.Equal((true, false), (lost.OutcomeUnknown, lost.TokenTaken));
        Assert.False(await Inbox().Once("a", Count));
        Assert.Equal(1, await Counted());
    }

    [Fact]
    public async Task ARequiredKeyThatChangesAtTheCommitIsNotALostClaim()
    {
        await using var line = ExecProxy.Before(_redis);
        await using var connection = await RedisServer.Connect(line.Address);
        var inbox = new RedisInbox(connection.GetDatabase(), "billing", new() { Prefix = _prefix });
        Task Sell(RedisEffect effect, CancellationToken cancel)
        {
            effect.Require(Condition.KeyNotExists($"{_prefix}:sold"));
            return Count(effect, cancel);
        }

        line.Committing = () => _redis.StringSetAsync($"{_prefix}:sold", 1);
        var changed = await Assert.ThrowsAsync<RedisInboxException>(() => inbox.Once("a", Sell).WaitAsync(Patience));
        await _redis.KeyDeleteAsync($"{_prefix}:sold");
        line.Committing = () => _redis.StringSetAsync(Key("b"), "claim:of-another", TimeSpan.FromMilliseconds(1));
        var over = await Assert.ThrowsAsync<RedisInboxException>(() => inbox.Once("b", Sell).WaitAsync(Patience));

        Assert.Contains("requires something of was changed", changed.Message, StringComparison.Ordinal);
        Assert.Contains("claim of 'b' was over", over.Message, StringComparison.Ordinal);
        Assert.False(changed.OutcomeUnknown || changed.TokenTaken || over.OutcomeUnknown || over.TokenTaken);
        Assert.Equal(0, await Counted());
    }

    [Fact]
    public async Task WhereRedisIsGoneAtTheCommitTheOutcomeIsUnknown()
    {
        var process = await RedisProcess.Start();
        await using var connection = await RedisServer.Connect(process.Address);
        var inbox = new RedisInbox(connection.GetDatabase(), "billing");
        var lost = await Assert.ThrowsAsync<RedisInboxException>(() => inbox.Once("a", async (effect, cancel) =>
        {
            await Count(effect, cancel);
            await process.DisposeAsync();
        }));
        Assert.True(lost.OutcomeUnknown);
    }

    [Fact]
    public async Task MessagesDeliveredAgainAndAgainHaveTheirEffectOnce()
    {
        const int count = 200;
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("orders", new());
        await broker.PutGroup("orders", "billing", new() { Backoff = new[] { TimeSpan.FromMilliseconds(1) }, MaxDeliveries = 100 });
        await broker.Publish("orders", [.. Enumerable.Range(0, count).Select(i => Message.OfText($"{i}") with { Token = $"t{i}" })]);
        var inbox = Inbox();
        var (attempts, first) = (0, 0);
        var acknowledged = new ConcurrentDictionary<string, bool>();
        var done = new TaskCompletionSource();
        await using (broker.Consume("orders", "billing", async (order, cancel) =>
        {
            if (await inbox.Once(order.Token, Count, cancel))
                Interlocked.Increment(ref first);
            // Two of three times the process "dies" between its commit and the acknowledgement.
            if (Interlocked.Increment(ref attempts) % 3 != 0)
                throw new TimeoutException();
            if (acknowledged.TryAdd(order.Token!, true) && acknowledged.Count == count)
                done.TrySetResult();
        }, new() { Workers = 8 }))
            await done.Task.WaitAsync(Patience);

        Assert.Equal(count, await Counted());
        Assert.Equal(count, first);
    }

    [Fact]
    public void OptionsThatCanNotHoldAreNamed()
    {
        Assert.Contains("Retention", Assert.Throws<ArgumentException>(() => Inbox(new() { Retention = TimeSpan.Zero })).Message, StringComparison.Ordinal);
        Assert.Contains("ClaimFor", Assert.Throws<ArgumentException>(() => Inbox(new() { ClaimFor = TimeSpan.FromMicroseconds(1) })).Message, StringComparison.Ordinal);
        Assert.Contains("LookEvery", Assert.Throws<ArgumentException>(() => Inbox(new() { LookEvery = -TimeSpan.FromSeconds(1) })).Message, StringComparison.Ordinal);
        Assert.Contains("Prefix", Assert.Throws<ArgumentException>(() => new RedisInbox(_redis, "billing", new() { Prefix = "" })).Message, StringComparison.Ordinal);
    }

    private RedisInbox Inbox(RedisInboxOptions? options = null) => new(_redis, "billing", (options ?? new()) with { Prefix = _prefix });

    private string Key(string token) => $"{_prefix}:billing:{token}";

    private Task Count(RedisEffect effect, CancellationToken cancel)
    {
        effect.Do(redis => redis.StringIncrementAsync(_counted));
        return Task.CompletedTask;
    }

    private async Task<long> Counted() => (long)await _redis.StringGetAsync(_counted);

    private async Task Gone(RedisKey key)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (await _redis.KeyExistsAsync(key))
            await Task.Delay(TimeSpan.FromMilliseconds(1), patience.Token);
    }
}
