using OrleansMq.Conformance;
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
    public void WhoWantsToBeAloneWaitsForAllWhoShare() => StoryThread.Run(async () =>
    {
        var (left, leftBefore) = (0, -1);
        var shares = new[] { await _gate.Shared(), await _gate.Shared() };
        var alone = _gate.Alone(() =>
        {
            leftBefore = left;
            return Task.CompletedTask;
        });

        foreach (var share in shares)
        {
            left++;
            share.Dispose();
            // Whoever can go on does it here.
            await ((StoryThread)SynchronizationContext.Current!).Quiet();
        }

        await alone;
        Assert.Equal(2, leftBefore);
    });

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
