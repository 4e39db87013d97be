using System.Reflection;
using OrleansMq.Conformance;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>What is said of an ephemeral group while it is found out whether anybody uses it.</summary>
public sealed class EphemeralEndTests
{
    private const string Key = "groups/t/g";
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(1);

    private readonly ManualTime _time = new();
    private readonly IDocuments _documents = new VolatileStorage().Documents;

    [Fact]
    public void OneThatIsMadeToStayWhileItsLeasesAreLookedForStays() => StoryThread.Run(async () =>
    {
        var (partition, asked) = SlowPartition.Make();
        var group = await Group(partition);
        await _time.Pass(Idle * 2);

        var ending = group.EndUnused();
        await group.Change(new GroupChange { DeleteAfterIdle = (TimeSpan?)null });
        await _time.Pass(Idle * 2);
        asked.SetResult(new GroupPartition(0, 0, 0, 0, null, 0, 0, null));

        Assert.False(await ending);
        Assert.False(group.HasEnded);
        using var use = group.Use();
    });

    [Fact]
    public void OneThatWasLoadedElsewhereAndUsedThereIsNotDeletedByWhoHadItBefore() => StoryThread.Run(async () =>
    {
        var (partition, described) = SlowPartition.Make();
        described.SetResult(new GroupPartition(0, 0, 0, 0, null, 0, 0, null));
        var before = await Group(partition);
        var after = await Loaded(partition);
        await _time.Pass(Idle * 2);

        using (after.Use())
            await after.Used();

        await Assert.ThrowsAsync<DocumentConflictException>(before.EndUnused);
        Assert.NotNull(await _documents.Get(Key));
        Assert.False(await after.EndUnused());
        await _time.Pass(Idle * 2);
        Assert.True(await after.EndUnused());
    });

    [Fact]
    public void TheDocumentOfOneThatIsUsedIsWrittenOnceAfterItWasLoadedAndNotAfterItWasMade() => StoryThread.Run(async () =>
    {
        var (partition, _) = SlowPartition.Make();
        await (await Group(partition)).Used();
        Assert.Equal(1, (await _documents.Get(Key))!.Version);

        var loaded = await Loaded(partition);
        for (var i = 0; i < 3; i++)
            await loaded.Used();

        Assert.Equal(2, (await _documents.Get(Key))!.Version);
    });

    private async Task<GroupEngine> Loaded(IGroupPartition partition)
    {
        var stored = (await _documents.Get(Key))!;
        return EngineOf(GroupDocument.FromJson(stored.Bytes.Span, _time.GetUtcNow().ToUnixTimeMilliseconds()), stored.Version, partition, made: false);
    }

    private GroupEngine EngineOf(GroupDocument document, long version, IGroupPartition partition, bool made) =>
        new("t", PartitionLineage.Of(1), document, version, Key, _documents, _time, _ => new(partition)) { MadeHere = made };

    private async Task<GroupEngine> Group(IGroupPartition partition)
    {
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        var document = new GroupDocument
        {
            Name = "g",
            Id = Guid.NewGuid(),
            Settings = GroupRules.Create(new GroupChange { DeleteAfterIdle = (TimeSpan?)Idle }),
            Declared = true,
            Membership = new Membership(),
            CreatedAtMs = now,
            LastUsedMs = now,
        };
        var version = await _documents.Put(Key, document.ToJson(), 0);
        return EngineOf(document, version, partition, made: true);
    }

    /// <summary>Says what it has of the group when the story does.</summary>
    public class SlowPartition : DispatchProxy
    {
        private readonly TaskCompletionSource<GroupPartition> _described = new();

        public static (IGroupPartition Partition, TaskCompletionSource<GroupPartition> Described) Make()
        {
            var proxy = Create<IGroupPartition, SlowPartition>();
            return (proxy, ((SlowPartition)(object)proxy)._described);
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod!.Name switch
        {
            nameof(IGroupPartition.Describe) => _described.Task,
            nameof(IGroupPartition.Keep) => Task.CompletedTask,
            _ => throw new NotSupportedException(targetMethod.Name),
        };
    }
}
