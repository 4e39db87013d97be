using BenchmarkDotNet.Attributes;
using OrleansMq.Core.Dedup;

namespace OrleansMq.Benchmarks;

/// <summary>What idempotence costs: tokens in a full window, and producers' sequences.</summary>
[MemoryDiagnoser]
public class DedupBenchmarks
{
    private const int WindowTokens = 1_000_000;
    private const int Producers = 10_000;

    private readonly TokenWindow _window = new(WindowTokens, 600_000);
    private readonly ProducerTable _producers = new();
    private readonly int[] _sequences = new int[Producers];
    private ulong _next;
    private int _producer;

    [GlobalSetup]
    public void Setup()
    {
        while (_next < WindowTokens)
            _window.ApplyRemembered(Token(_next), (long)_next++, 1_000);
        for (var id = 0; id < Producers; id++)
            Send();
    }

    [Benchmark]
    public TokenHash HashToken() => TokenHash.Of("order-4711-item-42"u8);

    /// <summary>A new token comes, the oldest goes.</summary>
    [Benchmark]
    public bool FindAndRememberToken()
    {
        var token = Token(_next);
        var found = _window.TryFind(token, 1_000, out _);
        _window.ApplyRemembered(token, (long)_next++, 1_000);
        return found;
    }

    [Benchmark]
    public bool FindKnownToken() => _window.TryFind(Token(_next - 1_000), 1_000, out _);

    [Benchmark]
    public SequenceDecision DecideAndApplySequence() => Send();

    private SequenceDecision Send()
    {
        var id = _producer++ % Producers;
        var sequence = new ProducerSequence(id, 0, _sequences[id]);
        var decision = _producers.Decide(sequence, 100, out _);
        _producers.Apply(sequence, 100, 0, 100, 1_000);
        _sequences[id] = (_sequences[id] + 100) & int.MaxValue;
        return decision;
    }

    // Spread as a hash is.
    private static TokenHash Token(ulong number) => new(number * 0x9E3779B97F4A7C15, number * 0xC2B2AE3D27D4EB4F);
}
