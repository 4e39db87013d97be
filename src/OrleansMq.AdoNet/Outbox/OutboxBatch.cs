using System.Data;
using System.Data.Common;
using OrleansMq.Json;

namespace OrleansMq;

/// <summary>
/// The first messages of one lane, with the lock of the lane, in one transaction: as long as this lives, nobody else relays the lane, and when its process or connection dies the lock is
/// free at once, without a clock.
/// </summary>
/// <remarks>
/// Ids are drawn before the commit, so a transaction that is slow makes a lower id visible after a higher one is gone. So nothing here remembers an id: each batch is what is there, and what was
/// sent is removed by its own id, never "up to".
/// </remarks>
internal sealed class OutboxBatch : IAsyncDisposable
{
    private readonly DbConnection _connection;
    private readonly DbTransaction _transaction;
    private readonly MqTables _tables;

    private OutboxBatch(DbConnection connection, DbTransaction transaction, MqTables tables) => (_connection, _transaction, _tables) = (connection, transaction, tables);

    public int Lane { get; private set; }

    /// <summary>Takes the next lane behind <paramref name="after"/>, in turn, in which something waits and which nobody relays. Its messages are read next: so who took it knows the lane, whatever they are.</summary>
    /// <param name="resting">Topics that are passed over for now.</param>
    /// <returns>Null where there is none.</returns>
    public static async Task<OutboxBatch?> Take(DbDataSource database, MqTables tables, int after, IReadOnlyCollection<string> resting, CancellationToken cancel)
    {
        var connection = await database.OpenConnectionAsync(cancel);
        DbTransaction? transaction = null;
        try
        {
            // What is read must be as of the moment that the lane was locked: who had it before has removed what it sent.
            transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancel);
            var batch = new OutboxBatch(connection, transaction, tables);
            if ((await batch.LockLane(after, resting, cancel) ?? await batch.LockLane(-1, resting, cancel)) is { } lane)
            {
                batch.Lane = lane;
                return batch;
            }
        }
        catch
        {
            await Close(connection, transaction);
            throw;
        }

        await Close(connection, transaction);
        return null;
    }

    /// <summary>The lane's first messages, up to one that can't be read: those that begin within so many bytes, as they lie in the table.</summary>
    /// <exception cref="InvalidOperationException">The first can't be read: what is behind it in its lane waits.</exception>
    public async Task<IReadOnlyList<StoredRow>> Read(int max, int bytes, IReadOnlyCollection<string> resting, CancellationToken cancel)
    {
        var (condition, parameters) = Passing(resting);
        await using var command = Sql.Command(
            _transaction,
            $"""
            select b.id, b.topic, b.message from (
              select o.id, o.topic, o.message, sum(octet_length(o.message)) over (order by o.id) - octet_length(o.message) as bytes_before
              from {_tables.Outbox} o where o.lane = @lane and o.refusal is null{condition} order by o.id limit @max) b
            where b.bytes_before < @bytes order by b.id
            """,
            [("lane", Lane), ("max", max), ("bytes", bytes), .. parameters]);
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var found = new List<StoredRow>();
        while (await rows.ReadAsync(cancel))
        {
            try
            {
                found.Add(new(rows.GetInt64(0), rows.GetString(1), StoredJson.Read(rows.GetString(2), $"Row {rows.GetInt64(0)} of {_tables.Outbox}", inOrder: true)));
            }
            catch (Exception) when (found.Count > 0)
            {
                // It is said when it is the first: what is before it need not wait.
                break;
            }
        }

        return found;
    }

    /// <summary>Removes what was sent, keeps the refused ones with their reasons, and gives the lane back.</summary>
    public async Task Commit(IReadOnlyCollection<long> sent, IReadOnlyCollection<RefusedMessage> refused, CancellationToken cancel)
    {
        if (sent.Count > 0)
            await Run($"delete from {_tables.Outbox} where id in ({Sql.List(sent)})", cancel);
        foreach (var message in refused)
            await Run($"update {_tables.Outbox} set refusal = @reason where id = @id", cancel, ("id", message.Id), ("reason", message.Reason));
        await _transaction.CommitAsync(cancel);
    }

    public async ValueTask DisposeAsync() => await Close(_connection, _transaction);

    private async Task<int?> LockLane(int after, IReadOnlyCollection<string> resting, CancellationToken cancel)
    {
        var (condition, parameters) = Passing(resting);
        await using var command = Sql.Command(
            _transaction,
            $"""
            select l.lane from {_tables.OutboxLane} l
            where l.lane > @after and exists (select 1 from {_tables.Outbox} o where o.lane = l.lane and o.refusal is null{condition})
            order by l.lane limit 1 for update skip locked
            """,
            [("after", after), .. parameters]);
        return (int?)await command.ExecuteScalarAsync(cancel);
    }

    private static (string Condition, (string, object?)[] Parameters) Passing(IReadOnlyCollection<string> resting) => resting.Count == 0
        ? ("", [])
        : ($" and o.topic not in ({string.Join(", ", resting.Select((_, i) => $"@resting{i}"))})", [.. resting.Select((topic, i) => ($"resting{i}", (object?)topic))]);

    private async Task Run(string text, CancellationToken cancel, params (string, object?)[] parameters)
    {
        await using var command = Sql.Command(_transaction, text, parameters);
        await command.ExecuteNonQueryAsync(cancel);
    }

    private static async Task Close(DbConnection connection, DbTransaction? transaction)
    {
        if (transaction is not null)
            await transaction.DisposeAsync();
        await connection.DisposeAsync();
    }
}
