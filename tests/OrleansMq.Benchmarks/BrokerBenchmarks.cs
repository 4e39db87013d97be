using BenchmarkDotNet.Attributes;
using OrleansMq.Access;
using OrleansMq.Access.Tests;

namespace OrleansMq.Benchmarks;

/// <summary>A whole broker in memory, called through IBroker by one caller; times are for one batch of 100 messages, or for one message where the name says so.</summary>
[MemoryDiagnoser]
public class BrokerBenchmarks
{
    private const int ReadBatches = 90;

    /// <summary>After so many appends what is there is removed, so that memory does not fill: in the figures, a few nanoseconds of each.</summary>
    private const int TrimAfter = 4_096;

    private const int OtherRules = 200;

    private readonly byte[] _batch = Samples.Batch();
    private readonly byte[] _single = Samples.Batch(1);
    private EmbeddedBroker _embedded = null!;
    private AccessControl _control = null!;
    private IBroker _broker = null!;
    private int _appends;

    /// <summary>Whether each call is checked: by a user's rules, 200 others beside those that count.</summary>
    [Params(false, true)]
    public bool Checked { get; set; }

    [GlobalSetup]
    public async Task Setup()
    {
        _embedded = await EmbeddedBroker.InMemory();
        _control = await Some.ControlWithAnna();
        for (var i = 0; i < OtherRules; i++)
            await _control.Directory.AddRule(Some.Rule(AccessOperations.Consume, ResourceKind.Topic, $"team{i}.", ResourceMatch.Prefix));
        foreach (var kind in new[] { ResourceKind.Topic, ResourceKind.Group })
            await _control.Directory.AddRule(Some.Rule(AccessOperations.Produce | AccessOperations.Consume | AccessOperations.Browse | AccessOperations.Create | AccessOperations.Delete, kind, "*", ResourceMatch.Pattern));
        _broker = Checked ? _control.As(_embedded, Some.Anna) : _embedded;
        await _broker.PutTopic("appended", new TopicChange());
        await _broker.PutTopic("read", new TopicChange());
        for (var i = 0; i < ReadBatches; i++)
            await Append("read", _batch);
        await _broker.PutTopic("queue", new TopicChange());
        await _broker.PutGroup("queue", "workers", new GroupChange());
    }

    [GlobalCleanup]
    public async Task Cleanup()
    {
        await _control.DisposeAsync();
        await _embedded.DisposeAsync();
    }

    [Benchmark]
    public Task<AppendResult> AppendBatch() => Append("appended", _batch);

    /// <summary>About 1 MiB in one read.</summary>
    [Benchmark(OperationsPerInvoke = ReadBatches)]
    public async Task<int> ReadBatch()
    {
        using var read = await _broker.Read(new ReadRequest { Partitions = [new PartitionCursor("read", 0, 0, 2 << 20)] });
        return read.Partitions[0].Batches.Length;
    }

    /// <summary>100 messages appended, leased in one call, and acknowledged by their leases in one call; for one message.</summary>
    [Benchmark(OperationsPerInvoke = Samples.Messages)]
    public async Task<int> QueueMessage()
    {
        await Append("queue", _batch);
        return await Drain(Samples.Messages);
    }

    /// <summary>One message appended, leased and acknowledged, each in a call of its own.</summary>
    [Benchmark]
    public async Task<int> QueueMessageInCallsOfOne()
    {
        await Append("queue", _single);
        return await Drain(1);
    }

    private async Task<AppendResult> Append(TopicName topic, ReadOnlyMemory<byte> batch)
    {
        var result = await _broker.Append(new AppendRequest { Topic = topic, Partition = 0, Batch = batch });
        if (++_appends % TrimAfter == 0)
            await _broker.DeleteBefore(topic, 0, result.BaseOffset);
        return result;
    }

    private async Task<int> Drain(int count)
    {
        var got = await _broker.Receive("queue", "workers", new ReceiveRequest { Max = count, Wait = TimeSpan.FromSeconds(1) });
        if (got.Count != count)
            throw new InvalidOperationException($"{got.Count} of {count} messages came.");
        await _broker.Settle("queue", "workers", Settlement.Acknowledge([.. got.Select(delivery => delivery.Lease)]));
        return got.Count;
    }
}
