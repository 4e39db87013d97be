using System.Reflection;
using OrleansMq.Conformance;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Engine.Tests;

/// <summary>A group of a topic that grew, where the partition before the new one does not answer.</summary>
public sealed class GroupGrowthTests
{
    private static readonly TimeSpan Session = TimeSpan.FromMinutes(5);

    private readonly ManualTime _time = new();

    [Fact]
    public void WhoJoinsWaitsForASilentPartitionAsLongAsTheLimitAndNobodyWaitsBesides() => StoryThread.Run(async () =>
    {
        var silent = SilentPartition.Make(out var answer);
        var group = Group(silent);

        var joining = group.Join("m", Session);
        await _time.Pass(GroupEngine.LookLimit - TimeSpan.FromMilliseconds(1));
        Assert.False(joining.IsCompleted);
        await _time.Pass(TimeSpan.FromMilliseconds(1));
        Assert.True(joining.IsCompleted);
        var first = await joining;
        Assert.Equal([0], first.Partitions);

        // The partition is being asked already; the clock does not move for these.
        Assert.Equal([0], (await group.Join("m", Session)).Partitions);
        await group.Heartbeat("m", first.Generation);

        answer.SetResult(true);
        await group.Heartbeat("m", first.Generation);
        Assert.Equal(ErrorCodes.GenerationStale, (await Assert.ThrowsAsync<MqException>(() => group.Heartbeat("m", first.Generation))).Code);
        Assert.Equal([0, 1], (await group.Join("m", Session)).Partitions);
    });

    private GroupEngine Group(IGroupPartition partition)
    {
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        var document = new GroupDocument
        {
            Name = "g",
            Settings = GroupRules.Create(new GroupChange { Style = GroupStyle.Log }),
            Declared = true,
            Membership = new Membership(),
            CreatedAtMs = now,
            LastUsedMs = now,
        };
        return new GroupEngine("t", new PartitionLineage([new EarlierCount(1, now)], 2), document, 0, "groups/t/g", new VolatileStorage().Documents, _time, _ => new(partition));
    }

    /// <summary>Says whether it is drained when the story does; nothing else is asked of it.</summary>
    public class SilentPartition : DispatchProxy
    {
        private readonly TaskCompletionSource<bool> _answer = new();

        public static IGroupPartition Make(out TaskCompletionSource<bool> answer)
        {
            var proxy = Create<IGroupPartition, SilentPartition>();
            answer = ((SilentPartition)(object)proxy)._answer;
            return proxy;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            targetMethod!.Name == nameof(IGroupPartition.IsDrained) ? _answer.Task : throw new NotSupportedException(targetMethod.Name);
    }
}
