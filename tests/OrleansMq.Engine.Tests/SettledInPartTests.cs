using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Engine.Tests;

/// <summary>A settlement of leases in two partitions, of which one refuses.</summary>
public sealed class SettledInPartTests
{
    [Theory]
    [InlineData(ErrorCodes.PartitionDamaged)]
    [InlineData(ErrorCodes.PartitionUnavailable)]
    public async Task ItDoesNotSayThatNothingHappened(string refusal) =>
        Assert.Equal(ErrorCodes.OutcomeUnknown, await Settle(null, refusal));

    [Fact]
    public async Task WhereAllRefuseForEverItSaysWhy() =>
        Assert.Equal(ErrorCodes.PartitionDamaged, await Settle(ErrorCodes.PartitionDamaged, ErrorCodes.PartitionDamaged));

    private static async Task<string> Settle(params string?[] refusals)
    {
        var document = new GroupDocument { Name = "g", Settings = GroupRules.Create(new GroupChange()), Declared = true, Membership = new Membership(), CreatedAtMs = 0, LastUsedMs = 0 };
        var group = new GroupEngine("t", PartitionLineage.Of(refusals.Length), document, 0, "groups/t/g", new VolatileStorage().Documents, TimeProvider.System, number =>
            new(StatesAwayTests.StoryPartition.Make((_, _) => refusals[number] is { } code ? Task.FromException<string?[]>(new MqException(code, "It refuses.")) : Task.FromResult(new string?[1]))));
        var leases = Enumerable.Range(0, refusals.Length).Select(number => new LeaseId(number, 0, 1, 0, 1)).ToList();
        return (await Assert.ThrowsAsync<MqException>(() => group.Settle(Settlement.Acknowledge(leases)))).Code;
    }
}
