using OrleansMq.Conformance;
using OrleansMq.Conformance.Broker;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>A refusal says that nothing has changed. World 3 once found a commit of which a partition had taken its part before another refused.</summary>
public sealed class PartialRefusalTests : BrokerContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);

    [Fact]
    public Task ACommitThatIsRefusedInPartDoesNotSayThatNothingHappened() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.PutGroup("t", "g", new() { Style = GroupStyle.Log });
        await broker.Publish("t", [Text("a") with { Partition = 0 }]);

        await Refused(ErrorCodes.OutcomeUnknown, () => broker.Commit("t", "g", new([new Position(0, 1), new Position(1, 99)])));
        Assert.Equal([1L, 0L], (await broker.DescribeGroup("t", "g")).Partitions.Select(each => each.Cursor));

        await Refused(ErrorCodes.OffsetOutOfRange, () => broker.Commit("t", "g", new([new Position(1, 99), new Position(0, 1)])));
    });
}
