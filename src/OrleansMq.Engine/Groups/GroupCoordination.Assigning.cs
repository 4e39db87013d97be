using OrleansMq.Core.Groups;

namespace OrleansMq.Engine.Groups;

/// <summary>Where the broker assigns: beats, and the topics that the group is about.</summary>
public sealed partial class GroupCoordination
{
    /// <summary>Topics are looked up so often: how late a group learns that one was made, grew or was deleted.</summary>
    public static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(10);

    /// <summary>Topics looked up at once.</summary>
    private const int LookupsAtOnce = 16;

    /// <summary>A beat waits for topics no longer: the group's other members wait behind it, and their sessions run. What did not answer is as it was until the next look.</summary>
    public static readonly TimeSpan LookPatience = TimeSpan.FromSeconds(2);

    private long _lookedMs;

    private AssigningGroup Assigning => _document.Assigning;

    public async Task<MemberStanding> Beat(MemberBeat beat)
    {
        MemberStanding? standing = null;
        await Hold(async () =>
        {
            if (Members.Count > 0)
                throw new MqException(ErrorCodes.GroupUnknown, $"Group '{Name}' has members of the classic protocol; one to which the broker assigns can come when they are gone.");
            var decision = Assigning.Beat(beat, await Look(beat), NowMs);
            if (decision.Error is { } code)
                throw decision.Why is { } why ? new MqException(code, why) : Refused(code);
            _document = _document with { Kind = GroupKind.Consumer };
            standing = decision.Standing!;
            if (standing.Assigned is not null)
                await FinishCommits();
        });
        return standing!;
    }

    /// <inheritdoc cref="IGroupCoordinator.CheckEpoch"/>
    public Task CheckEpoch(MemberRef member) => Turn(_ => _document.Kind == GroupKind.Consumer && Assigning.CheckCommit(member) is { } code ? throw Refused(code) : true);

    public Task<AssignedGroup> DescribeAssigned() => Turn(_ => _document.Kind == GroupKind.Consumer
        ? new AssignedGroup(Name, Assigning.Phase, Assigning.Epoch, Assigning.Assignor, Assigning.Describe())
        : throw new MqException(ErrorCodes.GroupUnknown, $"The members of group '{Name}' assign partitions themselves."));

    private string? CheckCommit(MemberRef? member, long nowMs) =>
        _document.Kind == GroupKind.Consumer ? Assigning.CheckCommit(member) : Members.CheckCommit(member, nowMs);

    /// <returns>What is found under the names that the beat brings; now and then under all others too.</returns>
    private async Task<Dictionary<string, SeenTopic?>> Look(MemberBeat beat)
    {
        HashSet<string> names = [.. (beat.Topics ?? []).Concat(beat.Matched ?? []).Select(topic => topic.Text).Take(2 * AssigningGroup.MaxTopics)];
        var known = Assigning.Wanted;
        // The clock may have been set back.
        if (Math.Abs(NowMs - _lookedMs) >= (long)LookAgain.TotalMilliseconds)
        {
            names.UnionWith(known);
            _lookedMs = NowMs;
        }
        else
        {
            names.ExceptWith(known);
        }

        var found = new Dictionary<string, SeenTopic?>(names.Count, StringComparer.Ordinal);
        var began = _time.GetTimestamp();
        foreach (var some in names.Chunk(LookupsAtOnce))
        {
            var looks = some.Select(Look).ToList();
            if (LookPatience - _time.GetElapsedTime(began) is not { Ticks: > 0 } left || !await AllWithin(looks, left))
                break;
            foreach (var look in looks)
                if (await look is (var name, true, var topic))
                    found[name] = topic;
        }

        return found;
    }

    private async Task<bool> AllWithin(IEnumerable<Task> looks, TimeSpan time)
    {
        try
        {
            await Task.WhenAll(looks).WaitAsync(time, _time);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <remarks>By the broker: in a cluster a topic's document is its grain's own. Dead letters have no id, and are no topic here.</remarks>
    /// <returns>Not known: nobody can say now, and what was known before holds.</returns>
    private async Task<(string Name, bool IsKnown, SeenTopic? Topic)> Look(string name)
    {
        if (!NameRule.IsValid(name))
            return (name, true, null);
        try
        {
            var found = await _broker.DescribeTopic(name);
            return (name, true, found.Id == Guid.Empty ? null : new SeenTopic(name, found.Id, found.Settings.Partitions));
        }
        catch (MqException e) when (e.Code == ErrorCodes.TopicUnknown)
        {
            return (name, true, null);
        }
        catch (MqException)
        {
            return (name, false, null);
        }
    }
}
