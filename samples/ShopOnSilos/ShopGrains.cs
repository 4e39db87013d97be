using Orleans.Streams;
using Orleans.Streams.Core;

namespace OrleansMq.Samples.Shop;

/// <summary>A desk as a grain for each member: it subscribes to nothing, the namespace of the stream says that it is meant.</summary>
internal abstract class DeskGrain(Desk desk) : Grain, IStreamSubscriptionObserver, IAsyncObserver<Order>
{
    public async Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory) => await handleFactory.Create<Order>().ResumeAsync(this);

    public virtual Task OnNextAsync(Order item, StreamSequenceToken? token = null) => desk.Book(item, CancellationToken.None);

    public Task OnErrorAsync(Exception ex) => Task.CompletedTask;
}

internal interface IInventoryGrain : IGrainWithStringKey;

/// <summary>Takes a unit from the stock; refuses while it is down, and gets the order again.</summary>
[ImplicitStreamSubscription("orders")]
internal sealed class InventoryGrain(Inventory desk) : DeskGrain(desk), IInventoryGrain
{
    public override async Task OnNextAsync(Order item, StreamSequenceToken? token = null)
    {
        if (await GrainFactory.GetGrain<IOutageGrain>(Inventory.Title).IsDown())
            throw new InvalidOperationException("the inventory is down");
        await base.OnNextAsync(item, token);
    }
}

internal interface INoticeGrain : IGrainWithStringKey;

/// <summary>Tells the merchant.</summary>
[ImplicitStreamSubscription("orders")]
internal sealed class NoticeGrain(MerchantNotice desk) : DeskGrain(desk), INoticeGrain;

/// <summary>Whether a desk is down; its key is the desk's name.</summary>
internal interface IOutageGrain : IGrainWithStringKey
{
    Task<bool> IsDown();

    Task Set(bool down);
}

internal sealed class OutageGrain : Grain, IOutageGrain
{
    private bool _down;

    public Task<bool> IsDown() => Task.FromResult(_down);

    public Task Set(bool down)
    {
        _down = down;
        return Task.CompletedTask;
    }
}
