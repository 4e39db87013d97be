using System.Globalization;
using Npgsql;

namespace OrleansMq.Samples.Ledgers;

/// <summary>The two halves of a bank, each a process that is killed: one pays in, one books to the accounts. Both keep what they do and the messages about it in one transaction.</summary>
internal static class Bank
{
    public const string Topic = "payments";
    public const string Accounts = "accounts";

    private const int PaymentsOfTransaction = 100;
    private const int NumberOfAccounts = 100;

    public const string Tables = """
        create table if not exists payment (id int primary key, account int not null, cents bigint not null);
        create table if not exists account (id int primary key, cents bigint not null);
        insert into account select generate_series(0, 99), 0 on conflict do nothing;
        """;

    /// <summary>What payment <paramref name="id"/> is about, known to whoever checks.</summary>
    public static (int Account, long Cents) Payment(int id) => (id % NumberOfAccounts, 1 + id * 7_919L % 100_003);

    /// <summary>Pays what is not paid yet. Each payment, its message and the ledger's copy are one commit; every fifth transaction is rolled back at first.</summary>
    public static async Task Pay(NpgsqlDataSource database, IBroker broker, int count)
    {
        var outbox = new Outbox(database, new() { Ledger = new Ledger(database) });
        await using var relay = new OutboxRelay(outbox, broker);
        await using var connection = await database.OpenConnectionAsync();
        for (var (next, turn) = (await Ask<int>(connection, "select coalesce(max(id) + 1, 0) from payment"), 0); next < count; turn++)
        {
            var ids = Enumerable.Range(next, Math.Min(PaymentsOfTransaction, count - next)).ToList();
            await using var transaction = await connection.BeginTransactionAsync();
            await Run(connection, $"insert into payment values {string.Join(',', ids.Select(id => string.Create(CultureInfo.InvariantCulture, $"({id},{Payment(id).Account},{Payment(id).Cents})")))}");
            await outbox.Add(transaction, Topic, [.. ids.Select(MessageOf)]);
            if (turn % 5 == 4)
                continue; // disposed without a commit: it never was
            await transaction.CommitAsync();
            next += ids.Count;
        }

        while ((await outbox.Describe()).Waiting > 0)
            await Task.Delay(100); // the relay works by itself; this only looks
    }

    /// <summary>Books payments to accounts. Effect, inbox and the ledger's settlement are one commit; after every tenth the acknowledgement is "lost", so that the messages come again.</summary>
    public static async Task Book(NpgsqlDataSource database, IBroker broker, Action<int> again, CancellationToken stop)
    {
        var inbox = new Inbox(database, Accounts);
        var ledger = new Ledger(database);
        var batches = 0;
        await using var consumer = broker.ConsumeBatches(Topic, Accounts, async (batch, cancel) =>
        {
            await using var connection = await database.OpenConnectionAsync(cancel);
            await using var transaction = await connection.BeginTransactionAsync(cancel);
            var payments = batch.Deliveries.DistinctBy(payment => payment.Token).ToDictionary(payment => payment.Token!);
            var first = await inbox.Once(transaction, payments.Keys, cancel);
            // In one order, so that two batches wait for each other at an account and never in a ring.
            foreach (var ofAccount in first.GroupBy(token => int.Parse(payments[token].KeyText!, CultureInfo.InvariantCulture)).OrderBy(ofAccount => ofAccount.Key))
            {
                var cents = ofAccount.Sum(token => long.Parse(payments[token].BodyText, CultureInfo.InvariantCulture));
                await Run(connection, string.Create(CultureInfo.InvariantCulture, $"update account set cents = cents + {cents} where id = {ofAccount.Key}"));
            }

            await ledger.Settle(transaction, Topic, payments.Keys, cancel);
            await transaction.CommitAsync(cancel);
            if (first.Count < batch.Deliveries.Count)
                again(batch.Deliveries.Count - first.Count);
            if (Interlocked.Increment(ref batches) % 10 == 0)
                throw new TimeoutException("The acknowledgement is lost.");
        }, new() { Workers = 2, MaxMessages = 500 });
        await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public static async Task<T> Ask<T>(NpgsqlConnection connection, string query)
    {
        await using var command = new NpgsqlCommand(query, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    private static Message MessageOf(int id)
    {
        var (account, cents) = Payment(id);
        return Message.OfText(cents.ToString(CultureInfo.InvariantCulture), key: account.ToString(CultureInfo.InvariantCulture)) with { Token = string.Create(CultureInfo.InvariantCulture, $"payment-{id:0000000}") };
    }

    private static async Task Run(NpgsqlConnection connection, string statement)
    {
        await using var command = new NpgsqlCommand(statement, connection);
        await command.ExecuteNonQueryAsync();
    }
}
