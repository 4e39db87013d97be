using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;

namespace OrleansMq.Engine.Groups;

/// <summary>All groups over several topics, in one process: finds or loads the one that is asked. (In a cluster a grain each does.)</summary>
public sealed class GroupCoordinator : IGroupCoordinator, IAsyncDisposable
{
    /// <summary>Held at once; a further new one is refused.</summary>
    public const int MaxGroups = 100_000;

    private readonly IBroker _broker;
    private readonly TimeProvider _time;
    private readonly Func<Guid> _newId;
    private readonly TopicCatalog _catalog;
    private readonly Desks<GroupCoordination> _groups;

    public GroupCoordinator(IBroker broker, IDocuments documents, TimeProvider time, Func<Guid> newId)
    {
        (_broker, _time, _newId, _catalog) = (broker, time, newId, new TopicCatalog(documents));
        _groups = new Desks<GroupCoordination>(Load);
    }

    /// <summary>Groups in memory.</summary>
    public int AtWork => _groups.Count;

    public async ValueTask<JoinedGroup> Join(GroupName group, GroupJoin join, CancellationToken cancel = default) => await (await Ensure(group)).Join(join, cancel);

    public async ValueTask<ReadOnlyMemory<byte>> Sync(GroupName group, MemberRef member, IReadOnlyList<MemberAssignment> assignments, CancellationToken cancel = default) =>
        await (await Known(group)).Sync(member, assignments, cancel);

    public async ValueTask Heartbeat(GroupName group, MemberRef member, CancellationToken cancel = default) => await (await Known(group)).Heartbeat(member);

    public async ValueTask<IReadOnlyList<string?>> Leave(GroupName group, IReadOnlyList<MemberRef> members, CancellationToken cancel = default) =>
        await (await Known(group)).Leave(members);

    public async ValueTask<MemberStanding> Beat(GroupName group, MemberBeat beat, CancellationToken cancel = default) =>
        await (beat.Epoch == 0 ? await Ensure(group) : await Known(group)).Beat(beat);

    public async ValueTask CheckEpoch(GroupName group, MemberRef member, CancellationToken cancel = default) => await (await Known(group)).CheckEpoch(member);

    public async ValueTask<AssignedGroup> DescribeAssigned(GroupName group, CancellationToken cancel = default) => await (await MustExist(group)).DescribeAssigned();

    public async ValueTask<IReadOnlyList<MqError?>> Commit(GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default) =>
        await (member is null ? await Ensure(group) : await Known(group)).Commit(member, offsets);

    /// <inheritdoc cref="GroupCoordination.Check"/>
    public async ValueTask Check(GroupName group, MemberRef member) => await (await Known(group)).Check(member);

    /// <inheritdoc cref="GroupCoordination.CommitDecided"/>
    public async ValueTask<IReadOnlyList<MqError?>> CommitDecided(GroupName group, IReadOnlyList<GroupOffset> offsets, DecidedTerm term) =>
        await (await Ensure(group)).CommitDecided(offsets, term);

    public async ValueTask<IReadOnlyList<GroupOffset>> Committed(GroupName group, IReadOnlyList<TopicName>? topics = null, CancellationToken cancel = default) =>
        // Not made by asking; but a native group of this name has cursors to show.
        await (await Find(group) ?? Of(CoordinationDocument.New(group, 0), 0)).Committed(topics);

    public async ValueTask<CoordinatedGroup> Describe(GroupName group, CancellationToken cancel = default) =>
        await (await MustExist(group)).Describe();

    public async ValueTask<Page<CoordinatedGroup>> List(string? after = null, int max = 100, CancellationToken cancel = default)
    {
        PageSize.Check(max);
        var page = new List<CoordinatedGroup>();
        foreach (var name in await _catalog.CoordinationNames())
        {
            if (after is not null && string.CompareOrdinal(name, after) <= 0)
                continue;
            if (page.Count == max)
                return new Page<CoordinatedGroup>(page, page[^1].Name.Text);
            if (await Find(name) is { } found)
                page.Add((await found.Describe()) with { Members = [] });
        }

        return new Page<CoordinatedGroup>(page, null);
    }

    public async ValueTask Delete(GroupName group, CancellationToken cancel = default)
    {
        var found = await MustExist(group);
        await found.Delete();
        await _groups.Drop(group.Text, found);
    }

    /// <summary>Forgets groups without members that nobody used for a week, and lets go of those that rest: they are loaded again when they are asked.</summary>
    public async Task DropLapsed()
    {
        foreach (var name in await _catalog.CoordinationNames())
            if (await _catalog.FindCoordination(name, NowMs) is { } stored && GroupCoordination.IsOld(stored.Document, NowMs) && await Find(name) is { HasLapsed: true })
                await Delete(name);
        foreach (var (name, group) in _groups.Loaded.ToList())
            if (group.Rests)
                await _groups.Drop(name, group);
    }

    public ValueTask DisposeAsync() => _groups.DisposeAsync();

    /// <summary>The group, though nobody joined it before.</summary>
    private async ValueTask<GroupCoordination> Ensure(GroupName name)
    {
        if (await Find(name) is { } known)
            return known;
        if (_groups.Count >= MaxGroups)
            throw new MqException(ErrorCodes.Overloaded, $"{MaxGroups} groups are in use, the most there may be.", TimeSpan.FromSeconds(1));
        return await _groups.Ensure(name.Text, () => Of(CoordinationDocument.New(name, NowMs), 0));
    }

    private async ValueTask<GroupCoordination> Known(GroupName name) =>
        await Find(name) ?? throw new MqException(ErrorCodes.MemberUnknown, $"Group '{name}' has no members: join it.");

    private async ValueTask<GroupCoordination> MustExist(GroupName name) => await Find(name) ?? throw new MqException(ErrorCodes.GroupUnknown, $"There is no group '{name}'.");

    private ValueTask<GroupCoordination?> Find(GroupName name) => _groups.Find(name.Text);

    private async Task<GroupCoordination?> Load(string name) =>
        await _catalog.FindCoordination(name, NowMs) is { } stored ? Of(stored.Document, stored.Version) : null;

    private GroupCoordination Of(CoordinationDocument document, long version) => new(document, version, _broker, _catalog, _time, _newId);

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();
}
