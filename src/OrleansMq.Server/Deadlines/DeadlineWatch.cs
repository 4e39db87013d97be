namespace OrleansMq.Server.Deadlines;

/// <summary>
/// Keeps the grains that wake sleeping partitions at work, wherever they are: each silo calls on all of them, so that they are there after any loss and after a
/// start of the whole cluster. One call each ten seconds is little beside what it saves: no silo needs to know which partitions were open on one that is lost.
/// </summary>
internal sealed class DeadlineWatch(BrokerSilo silo, IGrainFactory grains) : SiloWatch(silo)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    protected override async Task Watch(CancellationToken stopping)
    {
        while (true)
        {
            await Task.WhenAll(Enumerable.Range(0, DeadlineGrain.Shards).Select(shard => CallOn(shard, stopping)));
            await Task.Delay(Interval, stopping);
        }
    }

    private async Task CallOn(int shard, CancellationToken stopping)
    {
        try
        {
            await GrainCalls.Ask(() => grains.GetGrain<IDeadlineGrain>(shard).Watch()).WaitAsync(stopping);
        }
        catch (MqException failure)
        {
            Silo.Report($"Deadlines, share {shard}: it does not answer, and is called again: {failure.Message}");
        }
    }
}
