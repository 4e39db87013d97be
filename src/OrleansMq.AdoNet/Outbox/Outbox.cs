using System.Data.Common;
using System.Globalization;
using System.Text;
using OrleansMq.Json;

namespace OrleansMq;

/// <summary>
/// Messages that are written in the application's own database, in its own transaction: they are sent if it commits and never if it does not. An <see cref="OutboxRelay"/>
/// carries them to the broker, at least once each; their tokens make it once.
/// </summary>
/// <remarks>
/// Order: what is added after another transaction has committed comes behind that transaction's messages of the same key (<see cref="OutboxOptions.Order"/>). Of transactions that run side
/// by side, either may come first; where that matters, lock what they both change before adding. Any thread, as far as the transaction allows it.
/// </remarks>
/// <param name="database">For what is asked outside the application's transactions.</param>
public sealed class Outbox(DbDataSource database, OutboxOptions? options = null, TimeProvider? time = null)
{
    // Each message takes two parameters beside two in common; a statement of PostgreSQL takes 65,535.
    private const int MaxRowsOfStatement = 500;

    private readonly TimeProvider _time = time ?? TimeProvider.System;

    internal DbDataSource Database => database;

    internal OutboxOptions Options { get; } = options ?? new();

    private string Table => Options.Tables.Outbox;

    /// <summary>Adds a message to the transaction.</summary>
    /// <returns>The message's token; one is drawn where it has none.</returns>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: the message contradicts itself, or is a half message. Nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The transaction is over.</exception>
    public async Task<string> Add(DbTransaction transaction, TopicName topic, Message message, CancellationToken cancel = default) =>
        (await Add(transaction, topic, [message], cancel))[0];

    /// <inheritdoc cref="Add(DbTransaction, TopicName, Message, CancellationToken)"/>
    /// <summary>Adds messages to the transaction, in this order.</summary>
    public async Task<IReadOnlyList<string>> Add(DbTransaction transaction, TopicName topic, IReadOnlyList<Message> messages, CancellationToken cancel = default)
    {
        var added = messages.Select(message => StoredJson.Fixed(message, _time)).ToList();
        foreach (var rows in added.Chunk(MaxRowsOfStatement))
            await Insert(transaction, topic, rows, cancel);
        if (Options.Ledger is { } ledger)
            await ledger.Copy(transaction, topic, added, cancel);
        return [.. added.Select(message => message.Token!)];
    }

    public async Task<OutboxFigures> Describe(CancellationToken cancel = default)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var command = Sql.Command(
            connection, $"select count(*) - count(refusal), min(case when refusal is null then added_ms end), count(refusal) from {Table}");
        await using var row = await command.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        return new(row.GetInt64(0), await row.IsDBNullAsync(1, cancel) ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(1)), row.GetInt64(2));
    }

    /// <summary>Messages that the broker will never take as they are, oldest first.</summary>
    /// <param name="after">Only those behind this one.</param>
    public async Task<IReadOnlyList<RefusedMessage>> ReadRefused(long after = 0, int max = 100, CancellationToken cancel = default)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var command = Sql.Command(
            connection, $"select id, topic, message, refusal from {Table} where refusal is not null and id > @after order by id limit @max", ("after", after), ("max", max));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var refused = new List<RefusedMessage>();
        while (await rows.ReadAsync(cancel))
            refused.Add(new(rows.GetInt64(0), rows.GetString(1), StoredJson.Read(rows.GetString(2), $"Row {rows.GetInt64(0)} of {Table}"), rows.GetString(3)));
        return refused;
    }

    /// <summary>Lets refused messages be sent again, when the reason is gone. What came behind them with the same key is with the broker already.</summary>
    /// <returns>How many.</returns>
    public Task<int> SendAgain(IReadOnlyCollection<long> ids, CancellationToken cancel = default) =>
        Change(ids, $"update {Table} set refusal = null where refusal is not null and id in", cancel);

    /// <summary>Throws refused messages away.</summary>
    /// <returns>How many.</returns>
    public Task<int> Discard(IReadOnlyCollection<long> ids, CancellationToken cancel = default) =>
        Change(ids, $"delete from {Table} where refusal is not null and id in", cancel);

    private async Task<int> Change(IReadOnlyCollection<long> ids, string change, CancellationToken cancel)
    {
        if (ids.Count == 0)
            return 0;
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var command = Sql.Command(connection, $"{change} ({Sql.List(ids)})");
        return await command.ExecuteNonQueryAsync(cancel);
    }

    private async Task Insert(DbTransaction transaction, TopicName topic, Message[] rows, CancellationToken cancel)
    {
        var values = new StringBuilder();
        var parameters = new List<(string, object?)> { ("topic", topic.Text), ("added", _time.GetUtcNow().ToUnixTimeMilliseconds()) };
        for (var i = 0; i < rows.Length; i++)
        {
            values.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : ", ")}(@lane{i}, @topic, @message{i}, @added)");
            parameters.Add(($"lane{i}", OutboxLanes.Of(Options.Order, topic, rows[i].Key)));
            parameters.Add(($"message{i}", StoredJson.Write(rows[i])));
        }

        await using var command = Sql.Command(transaction, $"insert into {Table} (lane, topic, message, added_ms) values {values}", [.. parameters]);
        await command.ExecuteNonQueryAsync(cancel);
    }
}
