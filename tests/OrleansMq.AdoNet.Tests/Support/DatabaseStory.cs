using System.Data.Common;
using Npgsql;
using Xunit;

namespace OrleansMq.AdoNet.Tests;

/// <summary>A database with the tables, a broker in memory, and a group that receives what arrives.</summary>
[Collection(PostgresTests.Name)]
public abstract class DatabaseStory(PostgresServer server) : IAsyncLifetime
{
    /// <summary>Long enough for anything that is to happen.</summary>
    protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    protected NpgsqlDataSource Database { get; private set; } = null!;

    protected IBroker Broker { get; private set; } = null!;

    public virtual async Task InitializeAsync()
    {
        Database = await server.NewDatabase();
        await new MqTables().EnsureCreated(Database);
        await Run("create table effect (id int generated always as identity, what text not null)");
        await StartBroker();
    }

    /// <summary>The broker loses everything; its topic and group are made anew.</summary>
    protected async Task WipeBroker()
    {
        await Broker.DisposeAsync();
        await StartBroker();
    }

    private async Task StartBroker()
    {
        Broker = await EmbeddedBroker.InMemory();
        await Broker.PutTopic("orders", new());
        await Broker.PutGroup("orders", "test", new());
    }

    public virtual async Task DisposeAsync()
    {
        await Broker.DisposeAsync();
        await Database.DisposeAsync();
    }

    /// <summary>Does the work in one transaction and commits it.</summary>
    protected async Task InTransaction(Func<DbTransaction, Task> work)
    {
        await using var connection = await Database.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await work(transaction);
        await transaction.CommitAsync();
    }

    protected async Task Run(string statement)
    {
        await using var command = Database.CreateCommand(statement);
        await command.ExecuteNonQueryAsync();
    }

    protected async Task<T> Ask<T>(string query)
    {
        await using var command = Database.CreateCommand(query);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    protected static async Task Effect(DbTransaction transaction, string what)
    {
        await using var command = transaction.Connection!.CreateCommand();
        (command.Transaction, command.CommandText) = (transaction, $"insert into effect (what) values ('{what}')");
        await command.ExecuteNonQueryAsync();
    }

    protected Task<long> Effects() => Ask<long>("select count(*) from effect");

    /// <summary>Waits for so many messages of the group, acknowledges them, and gives their bodies in the order received.</summary>
    protected async Task<IReadOnlyList<string>> Receive(int count, string topic = "orders")
    {
        using var patience = new CancellationTokenSource(Patience);
        var bodies = new List<string>();
        while (bodies.Count < count)
        {
            var deliveries = await Broker.Receive(topic, "test", new() { Max = count - bodies.Count, Wait = TimeSpan.FromSeconds(10), Consumer = "test" }, patience.Token);
            bodies.AddRange(deliveries.Select(delivery => delivery.BodyText));
            if (deliveries.Count > 0)
                await Broker.Settle(topic, "test", Settlement.Acknowledge([.. deliveries.Select(delivery => delivery.Lease)]));
        }

        return bodies;
    }

    /// <summary>Everything that was ever stored in the topic.</summary>
    protected async Task<IReadOnlyList<string>> Stored(string topic = "orders") => [.. (await Broker.ReadAll(topic)).Select(message => message.BodyText)];

    /// <summary>Ends when no relay has a lane: what they were about is committed or rolled back.</summary>
    protected Task LanesAreFree() => InTransaction(async transaction =>
    {
        await using var command = transaction.Connection!.CreateCommand();
        (command.Transaction, command.CommandText) = (transaction, "select lane from mq_outbox_lane order by lane for update");
        await command.ExecuteNonQueryAsync();
    });
}
