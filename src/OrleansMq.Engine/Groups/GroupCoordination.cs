using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;
using OrleansMq.Engine.Topics;

namespace OrleansMq.Engine.Groups;

/// <summary>
/// One group over all its topics: drives <see cref="RebalancingGroup"/>, whose members assign partitions themselves, or <see cref="AssigningGroup"/>, keeps it as a document, and answers
/// the calls that wait. What is committed goes to the log-style group of the same name on each topic.
/// </summary>
/// <remarks>One owner for each name. A generation, or what a member may read, is told only after its document is stored and after every commit that was allowed before is done.</remarks>
public sealed partial class GroupCoordination : IDesk
{
    private readonly IBroker _broker;
    private readonly TopicCatalog _catalog;
    private readonly TimeProvider _time;
    private readonly Func<Guid> _newId;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly ITimer _timer;

    /// <summary>Calls that wait, by member. One that asks again takes the place of its earlier call.</summary>
    private readonly Dictionary<string, TaskCompletionSource<JoinedGroup>> _joins = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TaskCompletionSource<ReadOnlyMemory<byte>>> _syncs = new(StringComparer.Ordinal);

    private CoordinationDocument _document;
    private long _documentVersion;
    private long _askedMs;
    private long _savedVersion;
    private Exception? _broken;

    /// <param name="documentVersion">0: it was never stored, and is not before a generation is formed or something committed.</param>
    public GroupCoordination(CoordinationDocument document, long documentVersion, IBroker broker, TopicCatalog catalog, TimeProvider time, Func<Guid> newId)
    {
        (_document, _documentVersion, _broker, _catalog, _time, _newId) = (document, documentVersion, broker, catalog, time, newId);
        _inOrder = new CommitsInOrder(CommitOne);
        _savedVersion = MovedTo;
        _timer = time.CreateTimer(_ => Tick(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Arm();
    }

    public GroupName Name => _document.Name;

    /// <summary>Its document could not be written: what memory says may not be what is stored, so it must be loaded again.</summary>
    public bool IsBroken => _broken is not null;

    /// <summary>Nobody is in it, nothing is on its way, and nobody asked for an hour: it need not stay in memory.</summary>
    public bool Rests => IsEmpty && _commits.Count == 0 && NowMs - Math.Max(_askedMs, _document.LastUsedMs) > 3_600_000;

    public bool HasLapsed => IsEmpty && IsOld(_document, NowMs);

    /// <summary>Not used for a week. Its members, if it has any, are gone: once it is loaded their sessions end.</summary>
    public static bool IsOld(CoordinationDocument document, long nowMs) => nowMs - document.LastUsedMs > (long)GroupEngine.UndeclaredLife.TotalMilliseconds;

    /// <summary>Whether it has committed on the topic, and was used: then its cursors there stay, however long ago the last commit was.</summary>
    public static async ValueTask<bool> Keeps(TopicCatalog catalog, GroupName name, TopicName topic, long nowMs) =>
        await catalog.FindCoordination(name, nowMs) is { Document: var document } && !IsOld(document, nowMs) && document.Committed.ContainsKey(topic.Text);

    private RebalancingGroup Members => _document.Members;

    private bool IsEmpty => Members is { Phase: GroupPhase.Empty } && Assigning.Count == 0;

    /// <summary>Neither of the two ever falls.</summary>
    private long MovedTo => Members.Version + Assigning.Version;

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    public async Task<JoinedGroup> Join(GroupJoin join, CancellationToken cancel)
    {
        if (MemberNames.TooLong(join) is { } why)
            throw new MqException(ErrorCodes.Malformed, why);
        var answer = await Turn(now =>
        {
            if (Assigning.Count > 0)
                throw new MqException(ErrorCodes.ProtocolMismatch, $"To the members of group '{Name}' the broker assigns: one of the classic protocol can't join them.");
            var decision = Members.Join(join, FreshName(join), now);
            if (decision.Error is { } code)
                throw Refused(code);
            _document = _document with { Kind = GroupKind.Classic };
            if (decision.OnlyNamed)
                return Task.FromResult(new JoinedGroup { Member = decision.Member, JoinAgain = true });
            return decision.Waits ? Waiting(_joins, decision.Member) : Task.FromResult(Members.Joined(decision.Member, decision.ShownLeader));
        });
        return await answer.WaitAsync(cancel);
    }

    public async Task<ReadOnlyMemory<byte>> Sync(MemberRef member, IReadOnlyList<MemberAssignment> assignments, CancellationToken cancel)
    {
        var answer = await Turn(now =>
        {
            var decision = Members.Sync(member, assignments, now);
            if (decision.Error is { } code)
                throw Refused(code);
            return decision.Waits ? Waiting(_syncs, member.Member) : Task.FromResult(Members.AssignmentOf(member.Member));
        });
        return await answer.WaitAsync(cancel);
    }

    public Task Heartbeat(MemberRef member) => Turn(now => Members.Heartbeat(member, now) is { } code ? throw Refused(code) : true);

    public Task<IReadOnlyList<string?>> Leave(IReadOnlyList<MemberRef> members) =>
        Turn<IReadOnlyList<string?>>(now => [.. members.Select(member => Assigning.Count > 0 ? Assigning.Expel(member) : Members.Leave(member, now))]);

    /// <summary>
    /// The cursors of the groups of this name. A cursor that was made with its group and never moved is left out: the consumer then begins where it
    /// wants, and not where the group's making put it.
    /// </summary>
    public async Task<IReadOnlyList<GroupOffset>> Committed(IReadOnlyList<TopicName>? topics)
    {
        var committed = new List<GroupOffset>();
        foreach (var topic in topics ?? [.. _document.Committed.Keys.Order(StringComparer.Ordinal).Select(name => new TopicName(name))])
        {
            if (await FindOn(topic) is not { } group)
            {
                // Also where the topic was deleted and made again: what was recorded is of the one before.
                await Turn(_ => _document = _document.Without(topic));
                continue;
            }

            if (group.Settings.Style != GroupStyle.Log)
                continue;
            var notes = _document.Committed.GetValueOrDefault(topic.Text);
            foreach (var cursor in group.Partitions)
            {
                if (cursor.Error is { } error)
                    throw new MqException(error);
                string? note = null;
                if (notes?.TryGetValue(cursor.Partition, out note) == true || group.Declared || await HasMoved(topic, cursor))
                    committed.Add(new GroupOffset(topic, cursor.Partition, cursor.Cursor, note ?? ""));
            }
        }

        return committed;
    }

    /// <summary>A cursor that nobody moved is where its log begins, also where retention has taken what was before.</summary>
    private async ValueTask<bool> HasMoved(TopicName topic, GroupPartition cursor) =>
        cursor.Cursor > 0 && cursor.Cursor > await _broker.FindOffset(topic, cursor.Partition, StartAt.Earliest);

    public Task<CoordinatedGroup> Describe() =>
        Turn(_ => _document.Kind == GroupKind.Consumer
            ? new CoordinatedGroup(Name, Assigning.Phase, "consumer", Assigning.Assignor, []) { Kind = GroupKind.Consumer }
            : new CoordinatedGroup(Name, Members.Phase, Members.ProtocolType, Members.Protocol, Members.Describe()));

    /// <summary>Forgets everything, with the cursors on all topics.</summary>
    public Task Delete() => Hold(async () =>
    {
        if (Members.Count + Assigning.Count is > 0 and var members)
            throw new MqException(ErrorCodes.Conflict, $"Group '{Name}' has {members} members.");
        foreach (var topic in _document.Committed.Keys)
            if (await FindOn(topic) is { Settings.Style: GroupStyle.Log })
                await _broker.DeleteGroup(topic, Name);
        await _catalog.RemoveCoordination(Name);
        (_document, _documentVersion, _savedVersion) = (CoordinationDocument.New(Name, NowMs), 0, 0);
    });

    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        await _gate.WaitAsync();
        try
        {
            Break(new MqException(ErrorCodes.PartitionUnavailable, "The broker is closing.", TimeSpan.FromSeconds(1)));
        }
        finally
        {
            _gate.Release();
        }
    }

    private static Task<T> Waiting<T>(Dictionary<string, TaskCompletionSource<T>> calls, string member)
    {
        if (calls.Remove(member, out var earlier))
            earlier.TrySetException(Refused(ErrorCodes.RebalanceInProgress));
        var call = calls[member] = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        return call.Task;
    }

    private string FreshName(GroupJoin join)
    {
        var stem = join.Instance ?? (join.Client.Length > 0 ? join.Client : "member");
        return $"{(stem.Length > MemberNames.MaxStemLength ? stem[..MemberNames.MaxStemLength] : stem)}-{_newId():D}";
    }

    private async Task<GroupDescription?> FindOn(TopicName topic)
    {
        try
        {
            return await _broker.DescribeGroup(topic, Name);
        }
        catch (MqException e) when (e.Code is ErrorCodes.GroupUnknown or ErrorCodes.TopicUnknown)
        {
            return null;
        }
    }

    private async Task<T> Turn<T>(Func<long, T> act)
    {
        T result = default!;
        await Hold(() =>
        {
            result = act(NowMs);
            return Task.CompletedTask;
        });
        return result;
    }

    /// <summary>A turn that waits for others while it holds the group.</summary>
    private async Task Hold(Func<Task> act)
    {
        await Enter();
        try
        {
            await act();
        }
        finally
        {
            try
            {
                if (_broken is null)
                    await Release();
            }
            finally
            {
                _gate.Release();
            }
        }
    }

    private async Task Enter()
    {
        await _gate.WaitAsync();
        if (_broken is { } broken)
        {
            _gate.Release();
            throw broken;
        }

        _askedMs = NowMs;
        Members.Tick(_askedMs);
        Assigning.Tick(_askedMs);
    }

    /// <summary>Stores what moved, and then tells.</summary>
    private async Task Release()
    {
        if (MovedTo != _savedVersion || (_documentVersion > 0 && NowMs - _document.LastUsedMs >= 3_600_000))
            await Save();
        var answers = Members.TakeAnswers();
        if (answers.Any(answer => answer.Joins))
            await FinishCommits();
        foreach (var answer in answers)
            Answer(answer);
        Arm();
    }

    private void Answer(GroupAnswer answer)
    {
        if (answer.Joins && _joins.Remove(answer.Member, out var join))
            Complete(join, answer.Error, () => Members.Joined(answer.Member));
        if (!answer.Joins && _syncs.Remove(answer.Member, out var sync))
            Complete(sync, answer.Error, () => Members.AssignmentOf(answer.Member));
    }

    private static void Complete<T>(TaskCompletionSource<T> call, string? error, Func<T> result)
    {
        if (error is null)
            call.TrySetResult(result());
        else
            call.TrySetException(Refused(error));
    }

    private async Task Save()
    {
        try
        {
            var document = _document with { LastUsedMs = NowMs };
            if (_documentVersion == 0)
                await _catalog.NameCoordination(Name);
            _documentVersion = await _catalog.PutCoordination(document, _documentVersion);
            (_document, _savedVersion) = (document, MovedTo);
        }
        catch (Exception error)
        {
            Break(error is MqException ? error : new MqException(ErrorCodes.PartitionUnavailable, $"Group '{Name}' could not be stored: {error.Message}", TimeSpan.FromSeconds(1), error));
            throw _broken!;
        }
    }

    private void Break(Exception error)
    {
        _broken = error;
        foreach (var join in _joins.Values)
            join.TrySetException(error);
        foreach (var sync in _syncs.Values)
            sync.TrySetException(error);
        _joins.Clear();
        _syncs.Clear();
    }

    private void Arm()
    {
        if (Math.Min(Members.NextDeadline ?? long.MaxValue, Assigning.NextDeadline ?? long.MaxValue) is < long.MaxValue and var next)
            _timer.Change(TimeSpan.FromMilliseconds(Math.Clamp(next - NowMs, 1, int.MaxValue)), Timeout.InfiniteTimeSpan);
        else
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private async void Tick()
    {
        try
        {
            await Turn(_ => true);
        }
        catch (MqException)
        {
            // It is broken, and everyone who waited was told.
        }
    }

    private static MqException Refused(string code) => new(code, code switch
    {
        ErrorCodes.MemberUnknown => "The group has no such member (any more): join again without a name.",
        ErrorCodes.GenerationStale => "The generation is over: join again.",
        ErrorCodes.RebalanceInProgress => "The group is being formed anew: join again.",
        ErrorCodes.MemberFenced => "Another took this static member's place.",
        ErrorCodes.EpochStale => "The member has moved to another epoch: try again with that.",
        ErrorCodes.EpochFenced => "The member's epoch is over: give up all partitions and come again.",
        ErrorCodes.InstanceHeld => "Another member has this static name, and did not give it back.",
        ErrorCodes.AssignorUnknown => $"Partitions are shared out by {string.Join(" or ", AssigningGroup.Assignors)}.",
        ErrorCodes.ProtocolMismatch => "The member knows no way to assign that all others know.",
        ErrorCodes.Overloaded => "The group has as many members as there may be.",
        _ => $"A session lasts {Membership.MinSession.TotalSeconds:0} s to {Membership.MaxSession.TotalMinutes:0} min.",
    });
}
