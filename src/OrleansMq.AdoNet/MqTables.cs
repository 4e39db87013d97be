using System.Data.Common;
using System.Text.RegularExpressions;

namespace OrleansMq;

/// <summary>The tables of <see cref="Outbox"/>, <see cref="Inbox"/> and <see cref="Ledger"/> in the application's own database: what they are called, and how they are made.</summary>
/// <remarks>PostgreSQL. The script is <c>Schema/postgresql.sql</c>; docs/outbox.md says what other databases would need.</remarks>
public sealed partial record MqTables
{
    private readonly string _prefix = "mq_";

    /// <summary>Before each name; with a schema where it has a dot: <c>billing.mq_</c>.</summary>
    /// <exception cref="ArgumentException">It is no such prefix. It becomes a part of every statement, so nothing but names is taken.</exception>
    public string Prefix
    {
        get => _prefix;
        init => _prefix = PrefixRule().IsMatch(value) ? value : throw new ArgumentException(
            $"A prefix of tables is up to 30 of a-z 0-9 _, with a schema and a dot before it if need be; '{value}' was given.", nameof(value));
    }

    internal string Outbox => _prefix + "outbox";

    internal string OutboxLane => _prefix + "outbox_lane";

    internal string Inbox => _prefix + "inbox";

    internal string Ledger => _prefix + "ledger";

    /// <summary>What makes the tables where they are missing, for migrations of your own. To be run in one transaction.</summary>
    public string Script()
    {
        using var stream = typeof(MqTables).Assembly.GetManifestResourceStream("OrleansMq.AdoNet.Schema.postgresql.sql")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd()
            .Replace("{prefix}", _prefix, StringComparison.Ordinal)
            .Replace("{name}", _prefix[(_prefix.IndexOf('.', StringComparison.Ordinal) + 1)..], StringComparison.Ordinal);
    }

    /// <summary>Makes the tables where they are missing. Any number of processes may do so at once.</summary>
    public async Task EnsureCreated(DbDataSource database, CancellationToken cancel = default)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using (var script = Sql.Command(transaction, Script()))
            await script.ExecuteNonQueryAsync(cancel);
        await transaction.CommitAsync(cancel);
    }

    [GeneratedRegex(@"\A([a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,29}\z")]
    private static partial Regex PrefixRule();
}
