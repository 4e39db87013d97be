using Xunit;

namespace OrleansMq.Conformance.Idempotency;

/// <summary>What every <see cref="IInbox{TScope}"/> promises.</summary>
public abstract class InboxContract<TScope>
{
    /// <summary>The consumer's guard as it comes up: the second time with what the first one stored, where it stores.</summary>
    protected abstract Task<IInbox<TScope>> Open();

    /// <summary>An effect in the scope: one more.</summary>
    protected abstract Task Count(TScope scope);

    /// <summary>How often the effect was, as it stands for good.</summary>
    protected abstract Task<int> Counted();

    [Fact]
    public async Task AMessageIsTakenOnce()
    {
        var inbox = await Open();
        Assert.True(await inbox.Once("a", (scope, _) => Count(scope)));
        Assert.False(await inbox.Once("a", (scope, _) => Count(scope)));
        Assert.True(await inbox.Once("b", (scope, _) => Count(scope)));
        Assert.Equal(2, await Counted());
    }

    [Fact]
    public async Task AnEffectThatFailedIsTakenWithTheNextDelivery()
    {
        var inbox = await Open();
        await Assert.ThrowsAsync<TimeoutException>(() => inbox.Once("a", (_, _) => throw new TimeoutException()));
        Assert.True(await inbox.Once("a", (scope, _) => Count(scope)));
        Assert.Equal(1, await Counted());
    }

    [Fact]
    public async Task OfTwoDeliveriesAtOnceOneIsTaken()
    {
        var inbox = await Open();
        var begun = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        var first = inbox.Once("a", async (scope, _) =>
        {
            begun.SetResult();
            await go.Task;
            await Count(scope);
        });
        await begun.Task;
        var second = inbox.Once("a", (scope, _) => Count(scope));
        go.SetResult();
        Assert.True(await first);
        Assert.False(await second);
        Assert.Equal(1, await Counted());
    }

    [Fact]
    public async Task OfTwoDeliveriesAtOnceTheSecondIsTakenWhereTheFirstFails()
    {
        var inbox = await Open();
        var begun = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        var first = inbox.Once("a", async (_, _) =>
        {
            begun.SetResult();
            await go.Task;
            throw new TimeoutException();
        });
        await begun.Task;
        var second = inbox.Once("a", (scope, _) => Count(scope));
        go.SetResult();
        await Assert.ThrowsAsync<TimeoutException>(() => first);
        Assert.True(await second);
        Assert.Equal(1, await Counted());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public async Task AMessageWithoutATokenIsRefused(string? token)
    {
        var inbox = await Open();
        await Assert.ThrowsAsync<ArgumentException>(() => inbox.Once(token, (scope, _) => Count(scope)));
        Assert.Equal(0, await Counted());
    }
}
