using System.Text;
using OrleansMq.Core.Filters;
using OrleansMq.Records;

namespace OrleansMq.Core.Tests.Filters;

/// <summary>Messages and filters in short.</summary>
internal static class Filtering
{
    public static RecordView Record(Message message)
    {
        var builder = new RecordBatchBuilder(256);
        MessageCodec.Append(builder, message, 1_000);
        foreach (var record in RecordBatch.ReadExactly(builder.ToArray(baseOffset: 7)).Records())
            return record;
        throw new InvalidOperationException("A batch has a record.");
    }

    public static RecordView WithHeaders(params (string Name, string Value)[] headers) =>
        Record(new Message { Headers = [.. headers.Select(header => KeyValuePair.Create(header.Name, header.Value))] });

    public static bool Matches(this string filter, RecordView record, int partition = 3) => MessageFilter.Parse(filter).Begin(partition).Matches(record);

    /// <summary>True, false or unknown: what a condition and its opposite say.</summary>
    public static string Verdict(string condition, RecordView record) =>
        (condition.Matches(record), $"NOT ({condition})".Matches(record)) switch
        {
            (true, false) => "true",
            (false, true) => "false",
            (false, false) => "unknown",
            _ => "both",
        };

    public static FilterFault Fault(string text) =>
        MessageFilter.TryParse(text, out _, out var fault) ? throw new InvalidOperationException($"'{text}' is a filter.") : fault;

    public static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
