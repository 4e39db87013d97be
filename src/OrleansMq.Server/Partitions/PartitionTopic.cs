using OrleansMq.Client.Grains;
using OrleansMq.Core.Partitions;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Topics;
using OrleansMq.Server.Deadlines;
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
    private readonly IDeadlineGrain _deadlines;
    private readonly Action<string> _report;
    private readonly string _key;
    private volatile TopicView _view;
    private volatile Dictionary<string, GroupDefinition> _groups = new(StringComparer.Ordinal);
    private volatile bool _tracksBacklog;

    /// <summary>What the partition holds now; told to the topic where limits count it.</summary>
    private PartitionHolding? _holding;
    private bool _holdingUntold;
    private bool _telling;

    /// <summary>One question at a time: the partition decides its parked appends in their order.</summary>
    private bool _asking;
    private (AdmissionQuestion Question, AdmissionVerdict Verdict)? _answer;

    public PartitionTopic(TopicName name, int number, TopicView view, ITopicOwner owner, GroupSignals signals, IDeadlineGrain deadlines, Action<string> report)
    {
        (Name, _number, _view, _owner, _signals, _deadlines, _report) = (name.Text, number, view, owner, signals, deadlines, report);
        _key = GrainKeys.Partition(view.Id, name, number);
        Take(view);
    }

    public string Name { get; }

    public TopicSettings Settings => _view.Settings;

    public long Revision => _view.Revision;

    public bool ReadsUnflushed => Settings.Acks == Acks.Accepted;

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
        _tracksBacklog = TopicGate.TracksBacklog(view.Settings, view.Groups.Where(group => group.Declared).Select(group => group.Settings));
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
        catch (MqException failure)
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
        catch (MqException failure)
        {
            _report($"Topic {Name}: the ledger of admissions did not answer partition {_number}, and what is beyond its grants is refused: {failure.Message}");
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
        finally
        {
            _telling = false;
        }
    }

    public PartitionHolding? Holding => _holding;

    /// <summary>When something comes due next, in the engine's time.</summary>
    private long? _dueMs;

    /// <summary>When the partition is asked next, as far as it knows; null: nobody was told.</summary>
    private long? _toldDueMs;
    private bool _tellingDue;

    public void NoteDeadline(PartitionEngine partition, long? dueMs)
    {
        _dueMs = dueMs;
        TellDeadline();
    }

    /// <summary>For the case that what was told is forgotten: it is written a moment later than told.</summary>
    public void TellDeadlineAgain()
    {
        _toldDueMs = null;
        TellDeadline();
    }

    /// <summary>Makes sure that the partition is woken for what it waits for, should it sleep or its silo be lost.</summary>
    private async void TellDeadline()
    {
        if (_tellingDue)
            return;
        _tellingDue = true;
        try
        {
            while (_dueMs is { } due && (_toldDueMs is not { } told || due < told))
            {
                await GrainCalls.Ask(() => _deadlines.Note(_key, due));
                _toldDueMs = due;
            }
        }
        catch (MqException)
        {
            // The grain that remembers it is moving; this is called again every some seconds.
        }
        finally
        {
            _tellingDue = false;
        }
    }

    /// <summary>The one who remembers asks; it remembers the answer.</summary>
    public long? DeadlineAsked() => _toldDueMs = _dueMs;

    public void NoteInFlight(PartitionEngine partition, string group, int inFlight, string? holder) => _signals.Note(group, new GroupStanding(inFlight, holder));

    public void VisibleMoved(PartitionEngine partition) => _signals.MarkAll();

    public void Deliverable(PartitionEngine partition, string group) => _signals.Mark(group);
}
