using System.Data.Common;
using System.Globalization;
using System.Text;
using OrleansMq.Json;

namespace OrleansMq;

/// <summary>An <see cref="ILedger"/> in a database: the application's own, so that a copy or a settlement may be a part of its transaction, or any other that is not lost together with the broker.</summary>
public sealed class Ledger(DbDataSource database, MqTables? tables = null, TimeProvider? time = null) : ILedger
{
    private const int MaxRowsOfStatement = 500;
    private const int ForgetAtOnce = 10_000;

    private readonly string _table = (tables ?? new()).Ledger;
    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <inheritdoc/>
    public Task Copy(TopicName topic, IReadOnlyList<Message> messages, CancellationToken cancel = default) =>
        InTransaction(
            async transaction =>
            {
                await Copy(transaction, topic, messages, cancel);
                return true;
            },
            cancel);

    /// <summary>Takes copies in the application's transaction.</summary>
    /// <inheritdoc cref="ILedger.Copy"/>
    public async Task Copy(DbTransaction transaction, TopicName topic, IReadOnlyList<Message> messages, CancellationToken cancel = default)
    {
        foreach (var rows in messages.Chunk(MaxRowsOfStatement))
            await Insert(transaction, topic, rows, cancel);
    }

    /// <inheritdoc/>
    public Task<bool> Settle(TopicName topic, string token, CancellationToken cancel = default) =>
        InTransaction(transaction => Settle(transaction, topic, token, cancel), cancel);

    /// <summary>Settles in the transaction of the effect: then nothing that has happened is unreconciled, and nothing settled has not happened.</summary>
    /// <inheritdoc cref="ILedger.Settle"/>
    public async Task<bool> Settle(DbTransaction transaction, TopicName topic, string token, CancellationToken cancel = default)
    {
        await using var command = Sql.Command(
            transaction, $"update {_table} set settled_ms = coalesce(settled_ms, @now) where topic = @topic and token = @token",
            ("topic", topic.Text), ("token", InboxToken.Checked(token)), ("now", NowMs));
        return await command.ExecuteNonQueryAsync(cancel) == 1;
    }

    /// <summary>Settles several, in one statement for each five hundred. Behind <see cref="Inbox.Once(DbTransaction, IReadOnlyCollection{string?}, CancellationToken)"/>, which puts those that share messages in line.</summary>
    /// <returns>How many copies were there, settled before or now.</returns>
    public async Task<int> Settle(DbTransaction transaction, TopicName topic, IReadOnlyCollection<string> tokens, CancellationToken cancel = default)
    {
        var settled = 0;
        foreach (var some in tokens.Distinct(StringComparer.Ordinal).Chunk(MaxRowsOfStatement))
        {
            await using var command = Sql.Command(
                transaction,
                $"update {_table} set settled_ms = coalesce(settled_ms, @now) where topic = @topic and token in ({string.Join(", ", some.Select((_, i) => $"@token{i}"))})",
                [("topic", topic.Text), ("now", NowMs), .. some.Select((token, i) => ($"token{i}", (object?)InboxToken.Checked(token)))]);
            settled += await command.ExecuteNonQueryAsync(cancel);
        }

        return settled;
    }

    /// <inheritdoc/>
    public async Task<LedgerPage> ReadUnreconciled(LedgerSelection selection, CancellationToken cancel = default)
    {
        var (condition, parameters) = Where(selection.Checked());
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var command = Sql.Command(connection, $"select {Columns} from {_table} where {condition} order by id limit @max", parameters);
        return Page(await ReadRows(command, cancel));
    }

    /// <inheritdoc/>
    public Task<LedgerPage> TakeUnreconciled(LedgerSelection selection, DateTimeOffset now, CancellationToken cancel = default) =>
        InTransaction(transaction => Take(transaction, selection.Checked(), now, cancel), cancel);

    /// <inheritdoc/>
    public async Task<long> Forget(DateTimeOffset settledBefore, CancellationToken cancel = default)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        for (var all = 0L; ;)
        {
            await using var command = Sql.Command(
                connection, $"delete from {_table} where id in (select id from {_table} where settled_ms < @before order by settled_ms limit {ForgetAtOnce})",
                ("before", settledBefore.ToUnixTimeMilliseconds()));
            var some = await command.ExecuteNonQueryAsync(cancel);
            all += some;
            if (some < ForgetAtOnce)
                return all;
        }
    }

    private const string Columns = "id, topic, message, copied_ms, sent_ms, sends";

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private static (string Condition, (string, object?)[] Parameters) Where(LedgerSelection selection)
    {
        var condition = new StringBuilder("settled_ms is null and id > @after");
        var parameters = new List<(string, object?)> { ("after", selection.After), ("max", selection.Max) };
        if (selection.Topic is { } topic)
        {
            condition.Append(" and topic = @topic");
            parameters.Add(("topic", topic.Text));
        }

        if (selection.SentBefore is { } before)
        {
            condition.Append(" and sent_ms < @before");
            parameters.Add(("before", before.ToUnixTimeMilliseconds()));
        }

        return (condition.ToString(), [.. parameters]);
    }

    private async Task<LedgerPage> Take(DbTransaction transaction, LedgerSelection selection, DateTimeOffset now, CancellationToken cancel)
    {
        var (condition, parameters) = Where(selection);
        await using var command = Sql.Command(
            transaction,
            $"""
            update {_table} set sent_ms = @now, sends = sends + 1
            where id in (select id from {_table} where {condition} order by id limit @max for update skip locked)
            returning {Columns}
            """,
            [.. parameters, ("now", now.ToUnixTimeMilliseconds())]);
        // An update returns its rows in no order.
        return Page([.. (await ReadRows(command, cancel)).OrderBy(row => row.Id)]);
    }

    private LedgerPage Page(List<Row> rows)
    {
        var (entries, unreadable) = (new List<LedgerEntry>(rows.Count), new List<UnreadableEntry>());
        foreach (var row in rows)
        {
            try
            {
                entries.Add(Entry(row));
            }
            catch (Exception e)
            {
                unreadable.Add(new(row.Id, e));
            }
        }

        return new(entries, unreadable, rows.Count == 0 ? 0 : rows[^1].Id);
    }

    private static async Task<List<Row>> ReadRows(DbCommand command, CancellationToken cancel)
    {
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var rows = new List<Row>();
        while (await reader.ReadAsync(cancel))
            rows.Add(new(reader.GetInt64(0), reader.GetString(1), reader.GetString(2), reader.GetInt64(3), reader.GetInt64(4), reader.GetInt32(5)));
        return rows;
    }

    private LedgerEntry Entry(Row row) => new(
        row.Id, row.Topic, StoredJson.Read(row.Message, $"Row {row.Id} of {_table}"), DateTimeOffset.FromUnixTimeMilliseconds(row.CopiedMs), DateTimeOffset.FromUnixTimeMilliseconds(row.SentMs), row.Sends);

    private async Task Insert(DbTransaction transaction, TopicName topic, Message[] rows, CancellationToken cancel)
    {
        var values = new StringBuilder();
        var parameters = new List<(string, object?)> { ("topic", topic.Text), ("now", NowMs) };
        for (var i = 0; i < rows.Length; i++)
        {
            values.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : ", ")}(@topic, @token{i}, @message{i}, @now, @now)");
            parameters.Add(($"token{i}", InboxToken.Checked(rows[i].Token)));
            parameters.Add(($"message{i}", StoredJson.Write(StoredJson.Fixed(rows[i], _time))));
        }

        await using var command = Sql.Command(
            transaction, $"insert into {_table} (topic, token, message, copied_ms, sent_ms) values {values} on conflict do nothing", [.. parameters]);
        await command.ExecuteNonQueryAsync(cancel);
    }

    private async Task<T> InTransaction<T>(Func<DbTransaction, Task<T>> work, CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var result = await work(transaction);
        await transaction.CommitAsync(cancel);
        return result;
    }

    /// <summary>An entry as it lies in the table; its message need not be one.</summary>
    private sealed record Row(long Id, string Topic, string Message, long CopiedMs, long SentMs, int Sends);
}
