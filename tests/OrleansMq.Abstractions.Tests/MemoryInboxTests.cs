using OrleansMq.Conformance.Idempotency;

namespace OrleansMq.Abstractions.Tests;

/// <summary>The port's contract, in memory, and what bounds it.</summary>
public sealed class MemoryInboxTests : InboxContract<List<int>>
{
    private readonly List<int> _counted = [];

    protected override Task<IInbox<List<int>>> Open() => Task.FromResult<IInbox<List<int>>>(new MemoryInbox<List<int>>(_counted));

    protected override Task Count(List<int> scope)
    {
        scope.Add(1);
        return Task.CompletedTask;
    }

    protected override Task<int> Counted() => Task.FromResult(_counted.Count);

    [Fact]
    public async Task TheOldestTokenIsForgottenBeyondTheLimit()
    {
        var inbox = new MemoryInbox<List<int>>(_counted, maxTokens: 2);
        foreach (var token in new[] { "a", "b", "c" })
            Assert.True(await inbox.Once(token, (scope, _) => Count(scope)));
        Assert.False(await inbox.Once("b", (scope, _) => Count(scope)));
        Assert.True(await inbox.Once("a", (scope, _) => Count(scope)));
    }
}
