#if ORLEANS
using Orleans.Concurrency;
using Orleans.Streams;
using Orleans.Streams.Core;

namespace OrleansMq.LoadBench.Cluster;

/// <summary>Subscribes to the stream of its key, and counts.</summary>
public interface IListenerGrain : IGrainWithStringKey;

[ImplicitStreamSubscription(StreamNamespace)]
public sealed class ListenerGrain : Grain, IListenerGrain, IStreamSubscriptionObserver, IAsyncBatchObserver<byte[]>
{
    public const string StreamNamespace = "bench";

    private static long _events;
    private static long _calls;
    private static long _grains;

    /// <summary>What all grains of this silo were given.</summary>
    public static Heard Heard => new(Interlocked.Read(ref _events), Interlocked.Read(ref _calls), Interlocked.Read(ref _grains));

    public async Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory)
    {
        Interlocked.Increment(ref _grains);
        await handleFactory.Create<byte[]>().ResumeAsync((IAsyncBatchObserver<byte[]>)this);
    }

    public Task OnNextAsync(IList<SequentialItem<byte[]>> items)
    {
        Interlocked.Add(ref _events, items.Count);
        Interlocked.Increment(ref _calls);
        return Task.CompletedTask;
    }

    public Task OnErrorAsync(Exception ex)
    {
        Console.Error.WriteLine($"  a stream: {ex.Message}");
        return Task.CompletedTask;
    }
}

/// <param name="Calls">In how many calls the events came.</param>
[GenerateSerializer, Alias("OrleansMq.LoadBench.Heard")]
public readonly record struct Heard(long Events, long Calls, long Grains);

/// <summary>Tells what the silo's grains were given.</summary>
public interface IHearingGrain : IGrainWithIntegerKey
{
    [AlwaysInterleave]
    Task<Heard> Heard();
}

public sealed class HearingGrain : Grain, IHearingGrain
{
    public Task<Heard> Heard() => Task.FromResult(ListenerGrain.Heard);
}
#endif
