using BenchmarkDotNet.Attributes;
using OrleansMq.Core.Log;

namespace OrleansMq.Benchmarks;

/// <summary>Ninety frames of 100 messages each, about 1 MiB; times are for one frame.</summary>
[MemoryDiagnoser]
public class FrameBenchmarks
{
    private const int Frames = 90;
    private static readonly LogIdentity Log = new(7, new Guid("8d7f6f7c-0000-4000-8000-000000000001"), 0);

    private readonly byte[] _batch = Samples.Batch();
    private readonly FrameBuffer _frames = new(Log, 1);
    private byte[] _written = [];

    [GlobalSetup]
    public void Setup()
    {
        Encode();
        _written = _frames.Seal().ToArray();
    }

    [Benchmark(OperationsPerInvoke = Frames)]
    public int Encode()
    {
        _frames.Reset(0);
        for (var i = 0; i < Frames; i++)
            _frames.AddBatch(_batch, Lane.Main, FrameFlags.None, i * Samples.Messages, null, Samples.Messages, 1_700_000_000_000);
        return _frames.Seal().Length;
    }

    /// <summary>Each frame checked, as replay and every read do it.</summary>
    [Benchmark(OperationsPerInvoke = Frames)]
    public long Scan()
    {
        long position = 0;
        while (position < _written.Length && FrameScan.At(_written.AsSpan((int)position), position, Log, out var header) == FrameVerdict.Whole)
            position = header.NextPosition;
        return position == _written.Length ? position : throw new InvalidOperationException($"The frame at {position} is not whole.");
    }
}
