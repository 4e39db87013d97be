using OrleansMq.Core.Groups;

namespace OrleansMq.Engine.Groups;

/// <summary>Where the broker assigns: beats, and the topics that the group is about.</summary>
public sealed partial class GroupCoordination
{
    /// <summary>Topics are looked up so often: how late a group learns that one was made, grew or was deleted.</summary>
    public static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(10);

    /// <summary>Topics looked up at once, besides those that had their turn and did not answer.</summary>
    private const int LookupsAtOnce = 16;

    /// <summary>A beat waits for topics no longer. What did not answer is as it was until the next look.</summary>
    public static readonly TimeSpan LookPatience = TimeSpan.FromSeconds(2);

    /// <summary>A look that did not answer by then keeps the next from beginning no longer.</summary>
    public static readonly TimeSpan LookTurn = LookPatience / 8;

    private long _lookedMs;
    private long _looks;

    private AssigningGroup Assigning => _document.Assigning;

    /// <remarks>Topics are looked up outside the group's gate: whoever needs none goes on meanwhile.</remarks>
    public async Task<MemberStanding> Beat(MemberBeat beat)
    {
        HashSet<string> asked = new(StringComparer.Ordinal);
        Dictionary<string, TopicLook> found = new(StringComparer.Ordinal);
        var began = _time.GetTimestamp();
        while (true)
        {
            MemberStanding? standing = null;
            List<string> missing = [];
            await Hold(async () =>
            {
                if (Members.Count > 0)
                    throw new MqException(ErrorCodes.GroupUnknown, $"Group '{Name}' has members of the classic protocol; one to which the broker assigns can come when they are gone.");
                missing = Unseen(beat, asked);
                if (missing.Count == 0)
                    standing = await Beat(beat, found);
            });
            if (standing is not null)
                return standing;
            // Somebody else's topics may have gone meanwhile, among them some that this one names: then there is more to look for.
            asked.UnionWith(missing);
            await Look(missing, found, began);
        }
    }

    private async Task<MemberStanding> Beat(MemberBeat beat, Dictionary<string, TopicLook> found)
    {
        var decision = Assigning.Beat(beat, found, NowMs);
        if (decision.Error is { } code)
        {
            // What was looked up for the others holds all the same.
            Assigning.Learn(found);
            throw decision.Why is { } why ? new MqException(code, why) : Refused(code);
        }

        _document = _document with { Kind = GroupKind.Consumer };
        var standing = decision.Standing!;
        if (standing.Assigned is not null)
            await FinishCommits();
        return standing;
    }

    /// <inheritdoc cref="IGroupCoordinator.CheckEpoch"/>
    public Task CheckEpoch(MemberRef member) => Turn(_ => _document.Kind == GroupKind.Consumer && Assigning.CheckCommit(member) is { } code ? throw Refused(code) : true);

    public Task<AssignedGroup> DescribeAssigned() => Turn(_ => _document.Kind == GroupKind.Consumer
        ? new AssignedGroup(Name, Assigning.Phase, Assigning.Epoch, Assigning.Assignor, Assigning.Describe())
        : throw new MqException(ErrorCodes.GroupUnknown, $"The members of group '{Name}' assign partitions themselves."));

    private string? CheckCommit(MemberRef? member, long nowMs, bool inTransaction = false) =>
        _document.Kind == GroupKind.Consumer ? Assigning.CheckCommit(member) : Members.CheckCommit(member, nowMs, inTransaction);

    /// <summary>Topics that the beat names and the group does not know, and now and then all that it knows; without those that were asked for it before.</summary>
    private List<string> Unseen(MemberBeat beat, HashSet<string> asked)
    {
        // Who leaves wants nothing, and who is refused whatever is found has nothing to wait for.
        if (beat.Epoch < 0 || Assigning.Refusal(beat) is not null)
            return [];
        List<string> names = [.. (beat.Topics ?? []).Concat(beat.Matched ?? []).Select(topic => topic.Text).Where(name => !Assigning.Wants(name))];
        // The clock may have been set back.
        if (Math.Abs(NowMs - _lookedMs) >= (long)LookAgain.TotalMilliseconds)
        {
            names.AddRange(Assigning.ToLookFor);
            _lookedMs = NowMs;
        }

        return [.. names.Where(name => !asked.Contains(name)).Distinct(StringComparer.Ordinal)];
    }

    /// <remarks>What does not answer in its turn lets the next begin, and may answer until the patience of the whole is over.</remarks>
    private async Task Look(List<string> names, Dictionary<string, TopicLook> found, long began)
    {
        List<TopicLooking> all = [];
        foreach (var some in names.Chunk(LookupsAtOnce))
        {
            if (Left(began) <= TimeSpan.Zero)
                break;
            List<TopicLooking> looks = [.. some.Select(Begin)];
            all.AddRange(looks);
            await Answers(looks, Left(began) is var left && left < LookTurn ? left : LookTurn);
        }

        await Answers(all, Left(began));
        foreach (var look in all)
            found[look.Name] = await look.Now();
    }

    private TimeSpan Left(long began) => LookPatience - _time.GetElapsedTime(began);

    /// <summary>Waits for all, so long.</summary>
    private async Task Answers(List<TopicLooking> looks, TimeSpan time)
    {
        var all = Task.WhenAll(looks.Select(look => look.Over));
        if (all.IsCompleted || time <= TimeSpan.Zero)
            return;
        try
        {
            await all.WaitAsync(time, _time);
        }
        catch (TimeoutException)
        {
            // Some are silent.
        }
    }

    private TopicLooking Begin(string name) => TopicLooking.Of(name, Interlocked.Increment(ref _looks), Look);

    /// <remarks>By the broker: in a cluster a topic's document is its grain's own. Dead letters have no id, and are no topic here.</remarks>
    /// <returns>Not answered: nobody can say now.</returns>
    private async Task<(bool Answered, SeenTopic? Topic)> Look(string name)
    {
        if (!NameRule.IsValid(name))
            return (true, null);
        try
        {
            var found = await _broker.DescribeTopic(name);
            return (true, found.Id == Guid.Empty ? null : new SeenTopic(name, found.Id, found.Settings.Partitions));
        }
        catch (MqException e) when (e.Code == ErrorCodes.TopicUnknown)
        {
            return (true, null);
        }
        catch (Exception e) when (e is MqException or TimeoutException)
        {
            return (false, null);
        }
    }

    /// <summary>A look that began.</summary>
    /// <param name="Over">It is, also where it failed: nobody may be left to see that.</param>
    private sealed record TopicLooking(string Name, long Begun, Task<(bool Answered, SeenTopic? Topic)> Answer, Task Over)
    {
        public static TopicLooking Of(string name, long begun, Func<string, Task<(bool Answered, SeenTopic? Topic)>> look)
        {
            var answer = look(name);
            return new TopicLooking(name, begun, answer, End(answer));
        }

        /// <summary>What became of it until now.</summary>
        public async Task<TopicLook> Now()
        {
            if (!Answer.IsCompleted)
                return new TopicLook(Begun, false, null);
            var (answered, topic) = await Answer;
            return new TopicLook(Begun, answered, topic);
        }

        private static async Task End(Task answer)
        {
            await Task.WhenAny(answer);
            _ = answer.Exception;
        }
    }
}
