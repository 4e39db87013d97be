using Orleans.Concurrency;
using OrleansMq.Client.Grains;
using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Topics;
using OrleansMq.Server.Placement;

namespace OrleansMq.Server.Groups;

/// <summary>
/// Hosts one <see cref="GroupCoordination"/>. Its document is a grain of its own, so that it may be written outside our turns too; the document's version sees that a
/// second activation writes nothing over the first's: whoever loses goes away, and its members are told to ask again.
/// </summary>
[Reentrant, TopicPlacement]
internal sealed class CoordinationGrain : Grain, ICoordinationGrain, ICoordinationOwner, ILeaver
{
    /// <summary>A call waits here so long for other members; then its caller makes it again.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>An answer is kept so long for who asks for it again.</summary>
    private static readonly TimeSpan KeepAnswer = TimeSpan.FromMinutes(1);

    private readonly Dictionary<Guid, Waiting> _waiting = [];
    private readonly CancellationTokenSource _leaving = new();
    private readonly BrokerSilo _silo;

    /// <summary>This group, as often as it is loaded.</summary>
    private readonly Desks<GroupCoordination> _group;
    private GroupName _name;

    public CoordinationGrain(BrokerSilo silo) => (_silo, _group) = (silo, new Desks<GroupCoordination>(_ => Load()));

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _name = this.GetPrimaryKeyString();
        _silo.Here(this.GetGrainId(), this);
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _silo.Gone(this.GetGrainId(), this);
        await _leaving.CancelAsync();
        await _group.DisposeAsync();
        _leaving.Dispose();
    }

    public void BeginLeaving() => _leaving.Cancel();

    public SiloAddress HomeAmong(IReadOnlyList<SiloAddress> silos) => Spread.OfTopic(this.GetPrimaryKeyString(), silos);

    public Task LeaveSilo()
    {
        _leaving.Cancel();
        MigrateOnIdle();
        return Task.CompletedTask;
    }

    public Task<JoinedGroup?> Join(Guid call, GroupJoin join) => Wait(call, async () => await (await Ensure()).Join(join, _leaving.Token));

    public Task<byte[]?> Sync(Guid call, MemberRef member, MemberAssignment[] assignments) =>
        Wait(call, async () => (await (await Known()).Sync(member, assignments, _leaving.Token)).ToArray());

    public async Task Heartbeat(MemberRef member) => await (await Known()).Heartbeat(member);

    public async Task<MemberStanding> Beat(MemberBeat beat) => await (beat.Epoch == 0 ? await Ensure() : await Known()).Beat(beat);

    public async Task CheckEpoch(MemberRef member) => await (await Known()).CheckEpoch(member);

    public async Task<AssignedGroup> DescribeAssigned() => await (await MustExist()).DescribeAssigned();

    public async Task<string?[]> Leave(MemberRef[] members) => [.. await (await Known()).Leave(members)];

    public async Task<MqError?[]> Commit(MemberRef? member, GroupOffset[] offsets) => [.. await (member is null ? await Ensure() : await Known()).Commit(member, offsets)];

    public async Task<GroupOffset[]> Committed(TopicName[]? topics) =>
        // Not made by asking; but a native group of this name has cursors to show.
        [.. await (await Find() ?? New()).Committed(topics)];

    public async Task Check(MemberRef member) => await (await Known()).Check(member);

    public async Task<MqError?[]> CommitDecided(GroupOffset[] offsets, string? key, long producerId, long term) =>
        [.. await (await Ensure()).CommitDecided(offsets, key is null ? null : new DecidedTerm(key, producerId, term))];

    public async Task<CoordinatedGroup> Describe() => await (await MustExist()).Describe();

    public async Task Delete()
    {
        await (await MustExist()).Delete();
        DeactivateOnIdle();
    }

    /// <summary>Answers when the call is done, or with null when it takes longer than one grain call may.</summary>
    private async Task<T?> Wait<T>(Guid call, Func<Task<T>> begin)
        where T : class
    {
        ForgetOld();
        if (!_waiting.TryGetValue(call, out var waiting))
            _waiting[call] = waiting = new Waiting(begin(), _silo.Time.GetTimestamp());
        try
        {
            var answer = await ((Task<T>)waiting.Answer).WaitAsync(Patience, _silo.Time);
            // Kept for one who asks again, because the answer was lost on its way.
            waiting.AskedAt = _silo.Time.GetTimestamp();
            return answer;
        }
        catch (TimeoutException)
        {
            waiting.AskedAt = _silo.Time.GetTimestamp();
            // Other members may take minutes; a group that waits is in use.
            DelayDeactivation(KeepAnswer);
            return null;
        }
        catch (OperationCanceledException) when (_leaving.IsCancellationRequested)
        {
            throw new MqException(ErrorCodes.PartitionUnavailable, $"Group '{_name}' is moving to another silo.", TimeSpan.FromMilliseconds(100));
        }
        catch
        {
            _waiting.Remove(call);
            throw;
        }
    }

    private void ForgetOld()
    {
        foreach (var (call, waiting) in _waiting)
            if (waiting.Answer.IsCompleted && _silo.Time.GetElapsedTime(waiting.AskedAt) > KeepAnswer)
                _waiting.Remove(call);
    }

    private ValueTask<GroupCoordination> Ensure() => _group.Ensure(_name.Text, New);

    private async Task<GroupCoordination> Known() =>
        await Find() ?? throw new MqException(ErrorCodes.MemberUnknown, $"Group '{_name}' has no members: join it.");

    private async Task<GroupCoordination> MustExist() => await Find() ?? throw new MqException(ErrorCodes.GroupUnknown, $"There is no group '{_name}'.");

    private ValueTask<GroupCoordination?> Find() => _group.Find(_name.Text);

    private async Task<GroupCoordination?> Load()
    {
        if (await _silo.Catalog.FindCoordination(_name, _silo.NowMs) is not { } stored)
            return null;
        var group = Of(stored.Document, stored.Version);
        if (!group.HasLapsed)
            return group;
        // Without members, and nobody used it for a week.
        await group.Delete();
        await group.DisposeAsync();
        return null;
    }

    private GroupCoordination New() => Of(CoordinationDocument.New(_name, _silo.NowMs), 0);

    private GroupCoordination Of(CoordinationDocument document, long version) => new(document, version, _silo.Broker, _silo.Catalog, _silo.Time, Guid.NewGuid);

    private sealed class Waiting(Task answer, long askedAt)
    {
        public Task Answer => answer;

        public long AskedAt { get; set; } = askedAt;
    }
}
