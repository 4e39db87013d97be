using System.Text;
using OrleansMq.Conformance;
using Xunit;

namespace OrleansMq.AdoNet.Tests;

/// <summary>What a ledger in a database promises.</summary>
public sealed class LedgerTests(PostgresServer server) : DatabaseStory(server)
{
    private readonly ManualTime _clock = new();

    private Ledger Copies => new(Database, time: _clock);

    [Fact]
    public async Task WhatIsSettledIsNoLongerUnreconciled()
    {
        await Copies.Copy("orders", Messages(3));
        Assert.True(await Copies.Settle("orders", "t1"));
        Assert.True(await Copies.Settle("orders", "t1"));
        Assert.False(await Copies.Settle("orders", "unheard"));
        Assert.False(await Copies.Settle("other", "t0"));
        Assert.Equal(["0", "2"], Bodies((await Copies.ReadUnreconciled(new())).Entries));
    }

    [Fact]
    public async Task SeveralAreSettledAtOnce()
    {
        await Copies.Copy("orders", Messages(1_200));
        await InTransaction(async transaction => Assert.Equal(1_199, await Copies.Settle(transaction, "orders", [.. Enumerable.Range(1, 1_300).Select(i => $"t{i}")])));
        Assert.Equal(["0"], Bodies((await Copies.ReadUnreconciled(new())).Entries));
    }

    [Fact]
    public async Task ACopyThatIsTakenAgainStaysAsItIs()
    {
        await Copies.Copy("orders", Messages(2));
        await Copies.Settle("orders", "t0");
        await Copies.Copy("orders", Messages(3));
        Assert.Equal(["1", "2"], Bodies((await Copies.ReadUnreconciled(new())).Entries));
    }

    [Fact]
    public async Task CopyAndSettlementMayBePartOfATransaction()
    {
        await using (var connection = await Database.OpenConnectionAsync())
        await using (var rolledBack = await connection.BeginTransactionAsync())
            await Copies.Copy(rolledBack, "orders", Messages(1));
        Assert.Empty((await Copies.ReadUnreconciled(new())).Entries);

        await InTransaction(transaction => Copies.Copy(transaction, "orders", Messages(1)));
        await using (var connection = await Database.OpenConnectionAsync())
        await using (var rolledBack = await connection.BeginTransactionAsync())
            Assert.True(await Copies.Settle(rolledBack, "orders", "t0"));
        Assert.Single((await Copies.ReadUnreconciled(new())).Entries);

        await InTransaction(transaction => Copies.Settle(transaction, "orders", "t0"));
        Assert.Empty((await Copies.ReadUnreconciled(new())).Entries);
    }

    [Fact]
    public async Task AnOutboxTakesItsCopyInTheSameTransaction()
    {
        var outbox = new Outbox(Database, new() { Ledger = Copies });
        await using (var connection = await Database.OpenConnectionAsync())
        await using (var rolledBack = await connection.BeginTransactionAsync())
            await outbox.Add(rolledBack, "orders", Message.OfText("never"));
        var token = "";
        await InTransaction(async transaction => token = await outbox.Add(transaction, "orders", Message.OfText("1")));
        Assert.Equal(token, Assert.Single((await Copies.ReadUnreconciled(new())).Entries).Message.Token);
    }

    [Fact]
    public async Task WhatIsTakenIsNobodyElsesUntilItIsAsOldAgain()
    {
        await Copies.Copy("orders", Messages(10));
        _clock.Advance(TimeSpan.FromMinutes(10));
        var due = new LedgerSelection { SentBefore = _clock.GetUtcNow(), Max = 3 };

        var taken = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Copies.TakeUnreconciled(due, _clock.GetUtcNow())));
        // Those whose rows another one had locked are left for the next look.
        var rest = await Copies.TakeUnreconciled(due with { Max = 10 }, _clock.GetUtcNow());
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"{i}"), Bodies([.. taken.SelectMany(some => some.Entries), .. rest.Entries]).Order());
        Assert.Equal(0, (await Copies.TakeUnreconciled(due, _clock.GetUtcNow())).Count);
        Assert.All((await Copies.ReadUnreconciled(new())).Entries, entry => Assert.Equal((2, _clock.GetUtcNow()), (entry.Sends, entry.SentAt)));
    }

    [Fact]
    public async Task ARowThatCanNotBeReadLosesNoneBesideIt()
    {
        await Copies.Copy("orders", Messages(5));
        await Run("update mq_ledger set message = '{}}' where token in ('t0', 't3')");
        _clock.Advance(TimeSpan.FromMinutes(10));
        var due = new LedgerSelection { SentBefore = _clock.GetUtcNow(), Max = 2 };

        Assert.Equal((2, 5L), ((await Copies.ReadUnreconciled(new())).Unreadable.Count, (await Copies.ReadUnreconciled(new())).Last));
        foreach (var (body, id) in new[] { ("1", 1L), ("2", 4L) })
        {
            var page = await Copies.TakeUnreconciled(due, _clock.GetUtcNow());
            Assert.Equal([body], Bodies(page.Entries));
            var unreadable = Assert.Single(page.Unreadable);
            Assert.Equal(id, unreadable.Id);
            Assert.Contains($"Row {id} of mq_ledger", unreadable.Reason.Message, StringComparison.Ordinal);
        }

        Assert.Equal(["4"], Bodies((await Copies.TakeUnreconciled(due, _clock.GetUtcNow())).Entries));
        Assert.Equal(0, (await Copies.TakeUnreconciled(due, _clock.GetUtcNow())).Count);
    }

    [Fact]
    public async Task OnlyWhatWasSettledLongAgoIsForgotten()
    {
        await Copies.Copy("orders", Messages(3));
        await Copies.Settle("orders", "t0");
        _clock.Advance(TimeSpan.FromDays(1));
        await Copies.Settle("orders", "t1");
        Assert.Equal(1, await Copies.Forget(_clock.GetUtcNow()));
        Assert.Equal(2, await Ask<long>("select count(*) from mq_ledger"));
    }

    [Fact]
    public async Task AMessageWithoutATokenIsRefused() =>
        await Assert.ThrowsAsync<ArgumentException>(() => Copies.Copy("orders", [Message.OfText("x")]));

    private static List<Message> Messages(int count) => [.. Enumerable.Range(0, count).Select(i => Message.OfText($"{i}", key: "k") with { Token = $"t{i}" })];

    private static IEnumerable<string> Bodies(IEnumerable<LedgerEntry> entries) => entries.Select(entry => Encoding.UTF8.GetString(entry.Message.Body.Span));
}
