using Microsoft.Extensions.DependencyInjection;
using OrleansMq.Server.Documents;
using OrleansMq.Server.Placement;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>What the grains of a silo share.</summary>
[Collection(nameof(OneSilo))]
public sealed class SiloPartsTests(OneSilo cluster)
{
    private BrokerSilo Silo => cluster.Cluster.Silos[0].ServiceProvider.GetRequiredService<BrokerSilo>();

    [Fact]
    public async Task NoVersionOfADocumentComesAgainThoughItWasDeletedMeanwhile()
    {
        var document = cluster.Cluster.Client.GetGrain<IDocumentGrain>("story/versions");
        var first = await document.Put([1], 0);
        await document.Delete(first.Version);
        var second = await document.Put([2], 0);

        Assert.True((await document.Put([3], first.Version)).Conflict);

        await document.Delete(second.Version);
    }

    [Fact]
    public void AnActivationThatGoesLateDoesNotTakeTheNextOneAlong()
    {
        var (id, before, next) = (GrainId.Create("story", "resident"), new Resident(), new Resident());
        Silo.Here(id, before);
        Silo.Here(id, next);

        Silo.Gone(id, before);
        Assert.Same(next, Silo.Residents.Single(each => each.Key == id).Value);

        Silo.Gone(id, next);
        Assert.DoesNotContain(Silo.Residents, each => each.Key == id);
    }

    [Fact]
    public async Task AWatchThatFailedBeginsAgain()
    {
        var (lifecycle, watch) = (new Lifecycle(), new Failing(Silo));
        watch.Participate(lifecycle);
        await lifecycle.Observer!.OnStart(default);

        await watch.Again.Task.WaitAsync(BrokerCluster.Enough);

        await lifecycle.Observer.OnStop(default);
    }

    private sealed class Resident : ILeaver
    {
        public void BeginLeaving()
        {
        }

        public SiloAddress HomeAmong(IReadOnlyList<SiloAddress> silos) => silos[0];
    }

    private sealed class Failing(BrokerSilo silo) : SiloWatch(silo)
    {
        private bool _failed;

        public TaskCompletionSource Again { get; } = new();

        protected override Task Watch(CancellationToken stopping)
        {
            if (!_failed)
            {
                _failed = true;
                throw new InvalidOperationException("A fault of its own.");
            }

            Again.TrySetResult();
            return Task.Delay(Timeout.Infinite, stopping);
        }
    }

    private sealed class Lifecycle : ISiloLifecycle
    {
        public ILifecycleObserver? Observer { get; private set; }

        public int HighestCompletedStage => 0;

        public int LowestStoppedStage => 0;

        public IDisposable Subscribe(string observerName, int stage, ILifecycleObserver observer)
        {
            Observer = observer;
            return new MemoryStream();
        }
    }
}
