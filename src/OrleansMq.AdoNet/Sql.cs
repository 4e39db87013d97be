using System.Data.Common;
using System.Globalization;

namespace OrleansMq;

/// <summary>Commands with their parameters.</summary>
internal static class Sql
{
    /// <exception cref="InvalidOperationException">The transaction is over.</exception>
    public static DbCommand Command(DbTransaction transaction, string text, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var connection = transaction.Connection ?? throw new InvalidOperationException(
            "The transaction is over (committed, rolled back, or its connection is gone): what was to be written with it would be written without it.");
        var command = Command(connection, text, parameters);
        command.Transaction = transaction;
        return command;
    }

    public static DbCommand Command(DbConnection connection, string text, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var command = connection.CreateCommand();
        command.CommandText = text;
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value ?? DBNull.Value);
            command.Parameters.Add(parameter);
        }

        return command;
    }

    /// <summary>Ids as they stand in a statement: numbers that came from the database, so that a thousand of them are not a thousand parameters.</summary>
    public static string List(IEnumerable<long> ids) => string.Join(',', ids.Select(id => id.ToString(CultureInfo.InvariantCulture)));
}
