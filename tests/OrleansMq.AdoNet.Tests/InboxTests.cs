using System.Collections.Concurrent;
using System.Data.Common;
using OrleansMq.Conformance;
using OrleansMq.Conformance.Idempotency;
using Xunit;

namespace OrleansMq.AdoNet.Tests;

/// <summary>The port's contract, in PostgreSQL.</summary>
[Collection(PostgresTests.Name)]
public sealed class InboxContractTests(PostgresServer server) : InboxContract<DbTransaction>, IAsyncLifetime
{
    private DbDataSource _database = null!;

    public async Task InitializeAsync()
    {
        _database = await server.NewDatabase();
        await new MqTables().EnsureCreated(_database);
        await using var make = _database.CreateCommand("create table counted (one int)");
        await make.ExecuteNonQueryAsync();
    }

    public async Task DisposeAsync() => await _database.DisposeAsync();

    protected override Task<IInbox<DbTransaction>> Open() => Task.FromResult<IInbox<DbTransaction>>(new Inbox(_database, "billing"));

    protected override async Task Count(DbTransaction scope)
    {
        await using var command = scope.Connection!.CreateCommand();
        (command.Transaction, command.CommandText) = (scope, "insert into counted values (1)");
        await command.ExecuteNonQueryAsync();
    }

    protected override async Task<int> Counted()
    {
        await using var command = _database.CreateCommand("select count(*) from counted");
        return (int)(long)(await command.ExecuteScalarAsync())!;
    }
}

/// <summary>What a database's inbox promises besides.</summary>
public sealed class InboxTests(PostgresServer server) : DatabaseStory(server)
{
    [Fact]
    public async Task EffectAndTokenAreOneCommit()
    {
        var inbox = new Inbox(Database, "billing");
        await Assert.ThrowsAsync<TimeoutException>(() => inbox.Once("a", async (transaction, _) =>
        {
            await Effect(transaction, "a");
            throw new TimeoutException();
        }));
        Assert.Equal(0, await Effects());
        Assert.Equal(0, await Ask<long>("select count(*) from mq_inbox"));

        Assert.True(await inbox.Once("a", (transaction, _) => Effect(transaction, "a")));
        Assert.Equal(1, await Effects());
    }

    [Fact]
    public async Task TheApplicationsOwnTransactionDecides()
    {
        var inbox = new Inbox(Database, "billing");
        await using (var connection = await Database.OpenConnectionAsync())
        await using (var rolledBack = await connection.BeginTransactionAsync())
            Assert.True(await inbox.Once(rolledBack, "a"));

        await InTransaction(async transaction => Assert.True(await inbox.Once(transaction, "a")));
        await InTransaction(async transaction => Assert.False(await inbox.Once(transaction, "a")));
    }

    [Fact]
    public async Task SeveralAreTakenInOneTransactionEachOnce()
    {
        var inbox = new Inbox(Database, "billing");
        await InTransaction(transaction => inbox.Once(transaction, "1"));
        var tokens = Enumerable.Range(0, 2_500).Select(i => $"{i}").ToList();
        await InTransaction(async transaction => Assert.Equal(tokens.Where(token => token != "1").Order(), (await inbox.Once(transaction, [.. tokens, .. tokens])).Order()));
        await InTransaction(async transaction => Assert.Empty(await inbox.Once(transaction, tokens)));
        await InTransaction(transaction => Assert.ThrowsAsync<ArgumentException>(() => inbox.Once(transaction, ["2500", null])));
    }

    [Fact]
    public async Task BatchesWithTheSameTokensInAnyOrderDoNotWaitInARing()
    {
        var inbox = new Inbox(Database, "billing");
        var tokens = Enumerable.Range(0, 200).Select(i => $"{i}").ToArray();
        var taken = await Task.WhenAll(Enumerable.Range(0, 8).Select(async seed =>
        {
            var mine = tokens.ToArray();
            new Random(seed).Shuffle(mine);
            var first = 0;
            await InTransaction(async transaction => first = (await inbox.Once(transaction, mine)).Count);
            return first;
        }));
        Assert.Equal(200, taken.Sum());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ASecondDeliveryWaitsForTheFirstOnesOutcome(bool commits)
    {
        var inbox = new Inbox(Database, "billing");
        await using var connection = await Database.OpenConnectionAsync();
        await using var first = await connection.BeginTransactionAsync();
        Assert.True(await inbox.Once(first, "a"));
        var second = inbox.Once("a", (transaction, _) => Effect(transaction, "second"));

        // Until the database says that somebody waits for the first.
        using var patience = new CancellationTokenSource(Patience);
        while (await Ask<long>("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") == 0)
        {
            Assert.False(second.IsCompleted);
            await Task.Delay(TimeSpan.FromMilliseconds(10), patience.Token);
        }

        if (commits)
            await first.CommitAsync();
        else
            await first.RollbackAsync();

        Assert.Equal(!commits, await second);
        Assert.Equal(commits ? 0 : 1, await Effects());
    }

    [Fact]
    public async Task EachConsumerHasItsOwnTokens()
    {
        Assert.True(await new Inbox(Database, "billing").Once("a", (_, _) => Task.CompletedTask));
        Assert.True(await new Inbox(Database, "shipping").Once("a", (_, _) => Task.CompletedTask));
        Assert.False(await new Inbox(Database, "billing").Once("a", (_, _) => Task.CompletedTask));
    }

    [Fact]
    public async Task OldTokensAreForgottenAndNoOthers()
    {
        var clock = new ManualTime();
        var inbox = new Inbox(Database, "billing", new() { Retention = TimeSpan.FromDays(2) }, clock);
        await inbox.Once("old", (_, _) => Task.CompletedTask);
        clock.Advance(TimeSpan.FromDays(1));
        await inbox.Once("young", (_, _) => Task.CompletedTask);
        clock.Advance(TimeSpan.FromDays(1) + TimeSpan.FromSeconds(1));

        Assert.Equal(1, await inbox.Forget());
        Assert.False(await inbox.Once("young", (_, _) => Task.CompletedTask));
        Assert.True(await inbox.Once("old", (_, _) => Task.CompletedTask));
    }

    [Fact]
    public async Task AFinishedTransactionIsSaid()
    {
        await using var connection = await Database.OpenConnectionAsync();
        var transaction = await connection.BeginTransactionAsync();
        await transaction.CommitAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => new Inbox(Database, "billing").Once(transaction, "a"));
    }

    [Fact]
    public async Task MessagesDeliveredAgainAndAgainHaveTheirEffectOnce()
    {
        const int count = 200;
        await Broker.Publish("orders", [.. Enumerable.Range(0, count).Select(i => Message.OfText($"{i}") with { Token = $"t{i}" })]);
        await Broker.PutGroup("orders", "billing", new() { Backoff = new[] { TimeSpan.FromMilliseconds(1) }, MaxDeliveries = 100 });
        var inbox = new Inbox(Database, "billing");
        var (attempts, first) = (0, 0);
        var acknowledged = new ConcurrentDictionary<string, bool>();
        var done = new TaskCompletionSource();
        await using (Broker.Consume("orders", "billing", async (order, cancel) =>
        {
            if (await inbox.Once(order.Token, (transaction, _) => Effect(transaction, order.BodyText), cancel))
                Interlocked.Increment(ref first);
            // Two of three times the process "dies" between its commit and the acknowledgement.
            if (Interlocked.Increment(ref attempts) % 3 != 0)
                throw new TimeoutException();
            if (acknowledged.TryAdd(order.Token!, true) && acknowledged.Count == count)
                done.TrySetResult();
        }, new() { Workers = 8 }))
            await done.Task.WaitAsync(Patience);

        Assert.Equal(count, await Effects());
        Assert.Equal(count, await Ask<long>("select count(distinct what) from effect"));
        Assert.Equal(count, first);
    }
}
