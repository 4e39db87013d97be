using OrleansMq.Engine.Groups;
using Xunit;

namespace OrleansMq.Engine.Tests;

/// <summary>What is done alone waits for those who share, and lets nobody new in meanwhile.</summary>
public sealed class SharedOrAloneTests
{
    private readonly SharedOrAlone _gate = new();

    [Fact]
    public async Task WhoWantsToBeAloneWaitsForAllWhoShare()
    {
        var (first, second) = (await _gate.Shared(), await _gate.Shared());
        var alone = _gate.Alone().AsTask();
        first.Dispose();
        Assert.False(alone.IsCompleted);
        second.Dispose();
        (await alone.WaitAsync(TimeSpan.FromSeconds(30))).Dispose();
    }

    [Fact]
    public async Task NobodyNewSharesMeanwhile()
    {
        var first = await _gate.Shared();
        var alone = _gate.Alone().AsTask();
        var late = _gate.Shared().AsTask();
        first.Dispose();
        var stay = await alone.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.False(late.IsCompleted);
        stay.Dispose();
        (await late.WaitAsync(TimeSpan.FromSeconds(30))).Dispose();
    }

    [Fact]
    public async Task OneIsAloneAfterTheOther()
    {
        var first = await _gate.Alone();
        var second = _gate.Alone().AsTask();
        Assert.False(second.IsCompleted);
        first.Dispose();
        (await second.WaitAsync(TimeSpan.FromSeconds(30))).Dispose();
        (await _gate.Shared()).Dispose();
    }
}
