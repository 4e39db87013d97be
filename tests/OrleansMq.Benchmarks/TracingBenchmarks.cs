using System.Diagnostics;
using BenchmarkDotNet.Attributes;

namespace OrleansMq.Benchmarks;

/// <summary>What spans cost: 100 messages sent one by one, leased in one call, each handled in a span, and settled in one call; for one message.</summary>
[MemoryDiagnoser]
public class TracingBenchmarks
{
    private readonly Message _message = Message.OfText(new string('x', 100));
    private readonly Random _random = new(1);
    private EmbeddedBroker _broker = null!;
    private ActivityListener? _listener;
    private Producer _producer = null!;

    /// <summary>Of a hundred messages; -1: nobody listens.</summary>
    [Params(-1, 0, 1, 100)]
    public int Sampled { get; set; }

    [GlobalSetup]
    public async Task Setup()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new TopicChange { RetentionBytes = 64L << 20 });
        await _broker.PutGroup("t", "g", new GroupChange());
        _producer = new Producer(_broker, "t");
        if (Sampled < 0)
            return;
        _listener = new ActivityListener { ShouldListenTo = source => source.Name == MessageTracing.Name, Sample = Sample };
        ActivitySource.AddActivityListener(_listener);
    }

    [GlobalCleanup]
    public async Task Cleanup()
    {
        _listener?.Dispose();
        await _producer.DisposeAsync();
        await _broker.DisposeAsync();
    }

    [Benchmark(OperationsPerInvoke = Samples.Messages)]
    public async Task<int> SentAndHandled()
    {
        for (var i = 0; i < Samples.Messages; i++)
            await _producer.Enqueue(_message);
        await _producer.Flush();
        var got = await _broker.Receive("t", "g", new ReceiveRequest { Max = Samples.Messages, Wait = TimeSpan.FromSeconds(1) });
        foreach (var delivery in got)
            using (MessageTracing.StartProcess("t", "g", delivery))
            {
            }

        await _broker.Settle("t", "g", Settlement.Acknowledge([.. got.Select(delivery => delivery.Lease)]));
        return got.Count;
    }

    /// <summary>As OpenTelemetry's sampler by ratio, behind one by parent.</summary>
    private ActivitySamplingResult Sample(ref ActivityCreationOptions<ActivityContext> options) =>
        (options.Parent == default ? _random.Next(100) < Sampled : options.Parent.TraceFlags.HasFlag(ActivityTraceFlags.Recorded)) ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None;
}
