using OrleansMq.Core.Catalog;
using OrleansMq.Core.Partitions;
using OrleansMq.Core.Transactions;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Topics;
using OrleansMq.Server.Topics;

namespace OrleansMq.Server.Partitions;

/// <summary>
/// A topic as one of its partitions knows it: what the topic's grain said last. What the limits over all partitions say is asked there; the appends that it is about
/// wait meanwhile. All members run in the partition's activation.
/// </summary>
internal sealed class PartitionTopic : ITopicOfPartition
{
    private readonly ITopicOwner _owner;
    private readonly int _number;
    private readonly GroupSignals _signals;
    private readonly PartitionDeadline _deadline;
    private readonly Action<OpenTransaction> _overdue;
    private readonly Action<PartitionEngine, GroupName, Guid> _unused;
    private readonly Action<string> _report;
    private volatile TopicView _view;
    private volatile Dictionary<string, GroupDefinition> _groups = new(StringComparer.Ordinal);
    private volatile bool _tracksBacklog;

    /// <summary>What the partition holds now; told to the topic where limits count it.</summary>
    private PartitionHolding? _holding;
    private bool _holdingUntold;
    private readonly Acks _defaultAcks;
    private bool _telling;

    /// <summary>One question at a time: the partition decides its parked appends in their order.</summary>
    private bool _asking;
    private (AdmissionQuestion Question, AdmissionVerdict Verdict)? _answer;

    public PartitionTopic(TopicName name, int number, TopicView view, ITopicOwner owner, GroupSignals signals, PartitionDeadline deadline, Action<OpenTransaction> overdue,
        Action<PartitionEngine, GroupName, Guid> unused, Acks defaultAcks, Action<string> report)
    {
        (_defaultAcks, _unused) = (defaultAcks, unused);
        (Name, _number, _view, _owner, _signals, _deadline, _overdue, _report) = (name.Text, number, view, owner, signals, deadline, overdue, report);
        Take(view);
    }

    public string Name { get; }

    public TopicSettings Settings => _view.Settings;

    public PartitionLineage Lineage => _view.Lineage;

    public long Revision => _view.Revision;

    public bool ReadsUnflushed => Levels.ReadsUnflushed(Settings, _defaultAcks);

    public bool TracksBacklog => _tracksBacklog;

    public IReadOnlyCollection<GroupDefinition> Groups => _groups.Values;

    /// <summary>Takes what the topic's grain says; an older revision is passed over.</summary>
    public bool Update(TopicView view)
    {
        if (view.Revision <= _view.Revision)
            return false;
        Take(view);
        return true;
    }

    private void Take(TopicView view)
    {
        var groups = view.Groups.ToDictionary(group => group.Name.Text, StringComparer.Ordinal);
        foreach (var gone in _groups.Keys.Where(name => !groups.ContainsKey(name)))
            _signals.Forget(gone);
        (_groups, _view) = (groups, view);
        _tracksBacklog = TopicGate.TracksBacklog(view.Settings, view.Groups.Where(group => group.HoldsBack).Select(group => group.Settings));
    }

    public GroupSettings? FindGroup(string group) => _groups.GetValueOrDefault(group)?.Settings;

    public AdmissionVerdict Admit(PartitionEngine partition, in AdmissionQuestion question)
    {
        if (!_tracksBacklog && Settings.RatePerSecond is null && Settings.ProducerRatePerSecond is null)
            return default;
        if (_answer is { } answer)
        {
            _answer = null;
            if (answer.Question with { NowMs = question.NowMs } == question)
                return answer.Verdict;
        }

        if (!_asking)
            Ask(partition, question);
        return new AdmissionVerdict(AdmissionAnswer.Pending);
    }

    private async void Ask(PartitionEngine partition, AdmissionQuestion question)
    {
        _asking = true;
        AdmissionVerdict verdict;
        try
        {
            verdict = await GrainCalls.Ask(() => _owner.Admit(_view.Id, _number, question, _holding));
            _holdingUntold = false;
        }
        catch (Exception failure)
        {
            verdict = new AdmissionVerdict(
                AdmissionAnswer.Refuse, new MqError(ErrorCodes.PartitionUnavailable, $"The limits of topic '{Name}' could not be asked: {failure.Message}", TimeSpan.FromMilliseconds(100)));
        }

        (_asking, _answer) = (false, (question, verdict));
        partition.RoomMade();
    }

    public async void RequestAdmissions(PartitionEngine partition, long admitted, int needed)
    {
        AdmissionGrant? grant = null;
        try
        {
            grant = await GrainCalls.Ask(() => _owner.RequestAdmissions(_view.Id, _number, admitted, needed));
        }
        catch (Exception failure)
        {
            _report($"Topic {Name}: the ledger of admissions did not answer partition {_number}, and what is beyond its grants is to be sent again: {failure.Message}");
        }

        partition.AdmissionsAnswered(grant);
    }

    public void NoteBacklog(PartitionEngine partition, Partition state)
    {
        var holding = PartitionHolding.Of(state, state.Position - partition.FirstPosition);
        if (_holding is { } before && before.Stored == holding.Stored && before.Lags.Count == holding.Lags.Count
            && before.Lags.All(lag => holding.Lags.TryGetValue(lag.Key, out var now) && now == lag.Value))
            return;
        (_holding, _holdingUntold) = (holding, true);
        if (!_telling)
            Tell();
    }

    private async void Tell()
    {
        _telling = true;
        try
        {
            // While a question is under way, what it brings along is the newest that the topic may know: it counts what it admits on top.
            while (_holdingUntold && !_asking)
            {
                _holdingUntold = false;
                await GrainCalls.Ask(() => _owner.NoteHolding(_view.Id, _number, _holding!));
            }
        }
        catch (MqException)
        {
            // The topic's grain is moving. It asks all partitions when it is back.
        }
        catch (Exception fault)
        {
            _report($"Topic {Name}: what partition {_number} holds could not be told, and is told with the next change: {fault}");
        }
        finally
        {
            _telling = false;
        }
    }

    public PartitionHolding? Holding => _holding;

    public void NoteDeadline(PartitionEngine partition, long? dueMs) => _deadline.Note(dueMs);

    public void TransactionOverdue(PartitionEngine partition, in OpenTransaction open) => _overdue(open);

    public void GroupUnused(PartitionEngine partition, GroupName group, Guid id) => _unused(partition, group, id);

    public void NoteInFlight(PartitionEngine partition, string group, int inFlight, string? holder) => _signals.Note(group, new GroupStanding(inFlight, holder));

    public void VisibleMoved(PartitionEngine partition) => _signals.MarkAll();

    public void Deliverable(PartitionEngine partition, string group) => _signals.Mark(group);
}
