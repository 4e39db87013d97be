using OrleansMq.Engine.Turns;
using Xunit;

namespace OrleansMq.Engine.Tests;

/// <summary>What is done alone waits for those who share, and lets nobody new in meanwhile.</summary>
public sealed class SharedOrAloneTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly SharedOrAlone _gate = new();
    private readonly TaskCompletionSource _enough = new();

    [Fact]
    public async Task WhoWantsToBeAloneWaitsForAllWhoShare()
    {
        var (first, second, isAlone) = (await _gate.Shared(), await _gate.Shared(), false);
        var alone = _gate.Alone(() =>
        {
            isAlone = true;
            return Task.CompletedTask;
        });
        first.Dispose();
        Assert.False(isAlone);
        second.Dispose();
        await alone.WaitAsync(Patience);
        Assert.True(isAlone);
    }

    [Fact]
    public async Task NobodyNewSharesMeanwhile()
    {
        var first = await _gate.Shared();
        var alone = _gate.Alone(() => _enough.Task);
        var late = _gate.Shared().AsTask();
        first.Dispose();
        Assert.False(late.IsCompleted);
        _enough.SetResult();
        await alone.WaitAsync(Patience);
        (await late.WaitAsync(Patience)).Dispose();
    }

    [Fact]
    public async Task OneIsAloneAfterTheOtherAlsoWhereOneFails()
    {
        var order = new List<int>();
        var first = _gate.Alone(async () =>
        {
            await _enough.Task;
            order.Add(1);
            throw new InvalidOperationException("It failed.");
        });
        var second = _gate.Alone(() =>
        {
            order.Add(2);
            return Task.CompletedTask;
        });
        _enough.SetResult();
        await Assert.ThrowsAsync<InvalidOperationException>(() => first.WaitAsync(Patience));
        await second.WaitAsync(Patience);
        Assert.Equal([1, 2], order);
        (await _gate.Shared()).Dispose();
    }
}
