using BenchmarkDotNet.Attributes;
using OrleansMq.Records;

namespace OrleansMq.Benchmarks;

/// <summary>A batch of 100 messages of 100 bytes; times are for one message.</summary>
[MemoryDiagnoser]
public class BatchBenchmarks
{
    private readonly byte[] _body = Samples.Body();
    private readonly RecordBatchBuilder _builder = new(64 << 10);
    private readonly RecordBatch _batch = RecordBatch.ReadExactly(Samples.Batch());

    [Benchmark(OperationsPerInvoke = Samples.Messages)]
    public int Build()
    {
        _builder.Reset();
        Samples.Fill(_builder, Samples.Messages, _body);
        return _builder.Build().Length;
    }

    /// <summary>Header and CRC.</summary>
    [Benchmark(OperationsPerInvoke = Samples.Messages)]
    public BatchFault Check() => _batch.Check();

    /// <summary>What the broker looks at before it stores a plain batch, beside the CRC.</summary>
    [Benchmark(OperationsPerInvoke = Samples.Messages)]
    public bool ValidateRecords() => _batch.TryValidateRecords(4 << 20, out _);

    [Benchmark(OperationsPerInvoke = Samples.Messages)]
    public long Walk()
    {
        long bytes = 0;
        foreach (var record in _batch.Records())
            bytes += record.Value.Length;
        return bytes;
    }
}
