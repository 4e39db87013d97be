using System.Data;
using System.Data.Common;

namespace OrleansMq;

/// <summary>How an <see cref="Inbox"/> remembers.</summary>
public sealed record InboxOptions
{
    public MqTables Tables { get; init; } = new();

    /// <summary>
    /// How long a token is remembered: longer than the same message may come again, by a redelivery, a dead letter that is redriven, a group that reads anew, a ledger that sends again. 30 days.
    /// </summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How often <see cref="Inbox.ForgetRegularly"/> forgets. 1 hour.</summary>
    public TimeSpan ForgetEvery { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Told when forgetting failed; it is tried again. Must not throw.</summary>
    public Action<Exception> OnFailure { get; init; } = static _ => { };

    /// <exception cref="ArgumentException">Says which, and its range.</exception>
    internal InboxOptions Checked() => Retention > TimeSpan.Zero && ForgetEvery > TimeSpan.Zero
        ? this : throw new ArgumentException($"{nameof(Retention)} and {nameof(ForgetEvery)} are positive; {Retention} and {ForgetEvery} were given.");
}

/// <summary>
/// A consumer's guard in the application's own database: the message's token is written in the transaction of what the message does, so that what is delivered at least once is done once.
/// </summary>
/// <remarks>
/// The table's key decides: of two transactions with one token the second waits for the first, and is told that it is the second if that commits. At an isolation above "read committed" it may end with the
/// database's serialization failure instead: let it be delivered again. Any thread.
/// </remarks>
public sealed class Inbox : IInbox<DbTransaction>
{
    private const int ForgetAtOnce = 10_000;
    private const int MaxRowsOfStatement = 1_000;

    private readonly DbDataSource _database;
    private readonly string _consumer;
    private readonly InboxOptions _options;
    private readonly TimeProvider _time;

    /// <param name="consumer">Whose tokens these are: what does two different things with a message has two names. The rule is that of groups.</param>
    public Inbox(DbDataSource database, GroupName consumer, InboxOptions? options = null, TimeProvider? time = null)
    {
        (_database, _consumer, _options, _time) = (database, consumer.Text, (options ?? new()).Checked(), time ?? TimeProvider.System);
    }

    /// <summary>Whether this is the first time: then do in the same transaction what the message says, and commit. Else there is nothing to do but to acknowledge.</summary>
    /// <param name="token">The message's (<see cref="StoredMessage.Token"/>).</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    /// <exception cref="InvalidOperationException">The transaction is over.</exception>
    public async Task<bool> Once(DbTransaction transaction, string? token, CancellationToken cancel = default)
    {
        await using var command = Sql.Command(
            transaction, $"insert into {_options.Tables.Inbox} (consumer, token, taken_ms) values (@consumer, @token, @now) on conflict do nothing",
            ("consumer", _consumer), ("token", InboxToken.Checked(token)), ("now", _time.GetUtcNow().ToUnixTimeMilliseconds()));
        return await command.ExecuteNonQueryAsync(cancel) == 1;
    }

    /// <summary>The same for several messages in one transaction, in one statement for each thousand.</summary>
    /// <returns>The tokens that are taken for the first time.</returns>
    public async Task<IReadOnlySet<string>> Once(DbTransaction transaction, IReadOnlyCollection<string?> tokens, CancellationToken cancel = default)
    {
        var first = new HashSet<string>(StringComparer.Ordinal);
        // In one order, so that two transactions with the same tokens wait for each other and never in a ring.
        foreach (var some in tokens.Select(InboxToken.Checked).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Chunk(MaxRowsOfStatement))
        {
            await using var command = Sql.Command(
                transaction,
                $"insert into {_options.Tables.Inbox} (consumer, token, taken_ms) values {string.Join(", ", some.Select((_, i) => $"(@consumer, @token{i}, @now)"))} on conflict do nothing returning token",
                [("consumer", _consumer), ("now", _time.GetUtcNow().ToUnixTimeMilliseconds()), .. some.Select((token, i) => ($"token{i}", (object?)token))]);
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel))
                first.Add(rows.GetString(0));
        }

        return first;
    }

    /// <inheritdoc/>
    /// <remarks>In a transaction of its own, on a connection of its own, committed when the effect has returned.</remarks>
    public async Task<bool> Once(string? token, Func<DbTransaction, CancellationToken, Task> effect, CancellationToken cancel = default)
    {
        InboxToken.Checked(token);
        await using var connection = await _database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancel);
        if (!await Once(transaction, token, cancel))
            return false;
        await effect(transaction, cancel);
        await transaction.CommitAsync(cancel);
        return true;
    }

    /// <summary>Forgets the tokens of all consumers that are older than <see cref="InboxOptions.Retention"/>.</summary>
    /// <returns>How many.</returns>
    public async Task<long> Forget(CancellationToken cancel = default)
    {
        var before = (_time.GetUtcNow() - _options.Retention).ToUnixTimeMilliseconds();
        await using var connection = await _database.OpenConnectionAsync(cancel);
        for (var all = 0L; ;)
        {
            // Piece by piece: one statement for millions would hold its locks for as long.
            await using var command = Sql.Command(
                connection,
                $"delete from {_options.Tables.Inbox} where (consumer, token) in (select consumer, token from {_options.Tables.Inbox} where taken_ms < @before order by taken_ms limit {ForgetAtOnce})",
                ("before", before));
            var some = await command.ExecuteNonQueryAsync(cancel);
            all += some;
            if (some < ForgetAtOnce)
                return all;
        }
    }

    /// <summary>Forgets every <see cref="InboxOptions.ForgetEvery"/>, in the background, until it is disposed. One process does for all.</summary>
    public IAsyncDisposable ForgetRegularly() => new Rounds(
        async cancel =>
        {
            await Forget(cancel);
            return false;
        },
        _options.ForgetEvery, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1), _options.OnFailure, _time);
}
