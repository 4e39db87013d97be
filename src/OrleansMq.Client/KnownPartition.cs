using OrleansMq.Client.Grains;

namespace OrleansMq.Client;

/// <summary>A partition's grain, and the appends on their way to it. Who waits for less does not wait with who waits for more, so each level has a queue of its own.</summary>
internal sealed class KnownPartition(IPartitionGrain grain, ClusterBrokerOptions options) : IAppendCalls
{
    private readonly AppendQueue?[] _queues = new AppendQueue?[(int)Acks.Durable + 2];

    public IPartitionGrain Grain => grain;

    public AppendQueue Appends(Acks? acks)
    {
        ref var queue = ref _queues[acks is { } level ? (int)level + 1 : 0];
        return Volatile.Read(ref queue) ?? Interlocked.CompareExchange(ref queue, new AppendQueue(this, options.AppendCallBytes, options.Time), null) ?? queue;
    }

    Task<AppendResult> IAppendCalls.Append(byte[] batch, AppendTerms terms) => grain.Append(batch, terms);

    Task<AppendOutcome[]> IAppendCalls.AppendAll(AppendPart[] parts) => grain.AppendAll(parts);
}
