using Orleans.Streams;
using Orleans.Streams.Core;

namespace OrleansMq.Streaming.Tests;

[GenerateSerializer]
[Alias("Tests.Order")]
public sealed record Order([property: Id(0)] string Id);

/// <summary>Subscribes where it is told, and writes what it gets into the ledger of its key.</summary>
public interface IReaderGrain : IGrainWithStringKey
{
    Task Subscribe(string provider, StreamId stream, StreamSequenceToken? from = null);

    Task SubscribeInBatches(string provider, StreamId stream);

    Task Unsubscribe(string provider, StreamId stream);

    Task Send(string provider, StreamId stream, string[] texts);
}

public sealed class ReaderGrain : Grain, IReaderGrain, IStreamSubscriptionObserver, IAsyncObserver<Order>, IAsyncBatchObserver<Order>
{
    private Ledger Book => Ledger.Of(this.GetPrimaryKeyString());

    /// <summary>The subscription was made by an activation that is gone.</summary>
    public async Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory) => await handleFactory.Create<Order>().ResumeAsync((IAsyncObserver<Order>)this);

    public Task Subscribe(string provider, StreamId stream, StreamSequenceToken? from) =>
        this.GetStreamProvider(provider).GetStream<Order>(stream).SubscribeAsync((IAsyncObserver<Order>)this, from);

    public Task SubscribeInBatches(string provider, StreamId stream) =>
        this.GetStreamProvider(provider).GetStream<Order>(stream).SubscribeAsync((IAsyncBatchObserver<Order>)this);

    public async Task Unsubscribe(string provider, StreamId stream)
    {
        foreach (var handle in await this.GetStreamProvider(provider).GetStream<Order>(stream).GetAllSubscriptionHandles())
            await handle.UnsubscribeAsync();
    }

    public async Task Send(string provider, StreamId stream, string[] texts)
    {
        foreach (var text in texts)
            await this.GetStreamProvider(provider).GetStream<Order>(stream).OnNextAsync(new Order(text));
    }

    public Task OnNextAsync(Order item, StreamSequenceToken? token) => Book.Take(item.Id, token, RequestContext.Get("tenant"));

    public async Task OnNextAsync(IList<SequentialItem<Order>> items)
    {
        foreach (var item in items)
            await Book.Take(item.Item.Id, item.Token, together: items.Count);
    }

    public Task OnCompletedAsync() => Task.CompletedTask;

    public Task OnErrorAsync(Exception ex) => Ledger.Of($"{this.GetPrimaryKeyString()}/errors").Take(ex.GetType().Name, null);
}

/// <summary>Implicit: reads the streams of its namespace, and writes what it gets into the ledger of namespace and key.</summary>
public interface IImplicitGrain : IGrainWithStringKey;

[ImplicitStreamSubscription("implicit")]
public sealed class ImplicitGrain : Grain, IImplicitGrain, IStreamSubscriptionObserver, IAsyncObserver<Order>
{
    public async Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory) => await handleFactory.Create<Order>().ResumeAsync((IAsyncObserver<Order>)this);

    public Task OnNextAsync(Order item, StreamSequenceToken? token) => Ledger.Of($"implicit/{this.GetPrimaryKeyString()}").Take(item.Id, token);

    public Task OnCompletedAsync() => Task.CompletedTask;

    public Task OnErrorAsync(Exception ex) => Task.CompletedTask;
}

[GenerateSerializer]
[Alias("Tests.Points")]
public sealed class Points
{
    [Id(0)]
    public int Total { get; set; }

    [Id(1)]
    public IdempotencyMarks Marks { get; set; } = new();
}

/// <summary>Counts what it gets, once in effect.</summary>
public interface IPointsGrain : IGrainWithStringKey
{
    Task<int> Total();
}

[ImplicitStreamSubscription("points")]
public sealed class PointsGrain : Grain, IPointsGrain, IStreamSubscriptionObserver, IAsyncObserver<Order>
{
    private readonly IPersistentState<Points> _points;
    private readonly IdempotencyGuard<Points> _guard;

    public PointsGrain([PersistentState("points", "Default")] IPersistentState<Points> points) =>
        (_points, _guard) = (points, new IdempotencyGuard<Points>(points, state => state.Marks));

    public Task<int> Total() => Task.FromResult(_points.State.Total);

    public async Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory) => await handleFactory.Create<Order>().ResumeAsync((IAsyncObserver<Order>)this);

    public async Task OnNextAsync(Order item, StreamSequenceToken? token)
    {
        var stream = StreamId.Create("points", this.GetPrimaryKeyString());
        var isNew = await _guard.Once(stream, token!, state => state.Total += int.Parse(item.Id, System.Globalization.CultureInfo.InvariantCulture));
        await Ledger.Of($"points/{this.GetPrimaryKeyString()}").Take(isNew ? "new" : "again", token);
    }

    public Task OnCompletedAsync() => Task.CompletedTask;

    public Task OnErrorAsync(Exception ex) => Task.CompletedTask;
}
