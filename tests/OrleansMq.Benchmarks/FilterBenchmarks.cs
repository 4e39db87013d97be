using BenchmarkDotNet.Attributes;
using OrleansMq.Core.Filters;
using OrleansMq.Records;

namespace OrleansMq.Benchmarks;

/// <summary>A message with five headers held against a filter, and a filter read from its text. Times are for one message, or one text.</summary>
[MemoryDiagnoser]
public class FilterBenchmarks
{
    private const int Count = 1_000;
    private const string One = "type = 'order'";
    private const string Some = "type = 'order' AND (total BETWEEN 100 AND 1000 OR region IN ('eu', 'us') AND mq.key LIKE 'a%b%') AND cancelled IS NULL";

    private readonly RecordView[] _records = new RecordView[Count];
    private readonly FilterEvaluation _one = MessageFilter.Parse(One).Begin(0);
    private readonly FilterEvaluation _some = MessageFilter.Parse(Some).Begin(0);

    [GlobalSetup]
    public void Setup()
    {
        var builder = new RecordBatchBuilder(1 << 20);
        for (var i = 0; i < Count; i++)
            MessageCodec.Append(builder, Message.OfText("body", $"a{i}b") with
            {
                Headers = [new("trace", "00-4bf92f3577b34da6a3ce929d0e0e4736"), new("tenant", "t1"), new("type", "order"), new("total", $"{i}"), new("region", i % 3 == 0 ? "eu" : "asia")],
            }, 0);
        var at = 0;
        foreach (var record in RecordBatch.ReadExactly(builder.ToArray()).Records())
            _records[at++] = record;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public int OneHeader() => Run(_one);

    [Benchmark(OperationsPerInvoke = Count)]
    public int FiveConditions() => Run(_some);

    [Benchmark]
    public object Parse() => MessageFilter.Parse(Some);

    private int Run(FilterEvaluation filter)
    {
        var matching = 0;
        foreach (ref readonly var record in _records.AsSpan())
            matching += filter.Matches(record) ? 1 : 0;
        return matching;
    }
}
