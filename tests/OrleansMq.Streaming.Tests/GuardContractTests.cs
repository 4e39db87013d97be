using OrleansMq.Conformance.Idempotency;

namespace OrleansMq.Streaming.Tests;

/// <summary>The guard of a grain as the port that databases and memory have too.</summary>
public sealed class GuardContractTests : InboxContract<Points>
{
    private readonly GuardTests.StoredPoints _state = new();

    protected override Task<IInbox<Points>> Open() => Task.FromResult<IInbox<Points>>(new IdempotencyGuard<Points>(_state, state => state.Marks));

    protected override Task Count(Points scope)
    {
        scope.Total++;
        return Task.CompletedTask;
    }

    protected override Task<int> Counted() => Task.FromResult(_state.StoredTotal);
}
