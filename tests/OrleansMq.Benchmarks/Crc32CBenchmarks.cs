using BenchmarkDotNet.Attributes;
using OrleansMq.Records;

namespace OrleansMq.Benchmarks;

[MemoryDiagnoser]
public class Crc32CBenchmarks
{
    private byte[] _bytes = [];

    [Params(1 << 10, 11 << 10, 64 << 10, 1 << 20)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Setup() => _bytes = Samples.Body(Bytes);

    [Benchmark]
    public uint Compute() => Crc32C.Compute(_bytes);
}
