using OrleansMq.Core.Partitions;
using OrleansMq.Engine.Topics;

namespace OrleansMq.Engine.Partitions;

/// <summary>How batches come in.</summary>
public sealed partial class PartitionEngine
{
    /// <summary>Appends that wait for room, or behind one that does, in their order. Bounded by <see cref="MaxParked"/>.</summary>
    private readonly LinkedList<AppendCommand> _parked = new();

    /// <summary>More waiting appends than this are refused with <see cref="ErrorCodes.Overloaded"/>.</summary>
    public const int MaxParked = 10_000;

    /// <summary>Whether somebody waits for room here; a hint, read from any thread.</summary>
    public bool HasParked => Volatile.Read(ref _parkedCount) > 0;

    private int _parkedCount;
    private bool _admissionsAsked;
    private AppendCommand? _retrying;

    /// <summary>Appends a batch that <see cref="BatchAdmission"/> let through.</summary>
    public Task<AppendResult> Append(AdmissibleBatch batch, Acks acks, string client, TimeSpan patience)
    {
        var level = acks switch { Acks.Durable => ReleaseLevel.Durable, Acks.Accepted => ReleaseLevel.Written, _ => ReleaseLevel.Decided };
        var command = new AppendCommand(this, batch, level, client, patience);
        _turns.Post(command);
        return command.Answer;
    }

    internal void RefuseWhileFull(long nowMs)
    {
        if (nowMs < _fullUntilMs)
            throw new MqException(ErrorCodes.DiskFull, $"There is no room on disk for partition {Number} of topic '{_topic.Name}'.", TimeSpan.FromMilliseconds(_fullUntilMs - nowMs));
    }

    /// <summary>An append may not pass one that waits.</summary>
    internal bool MustQueue(AppendCommand command) => _parked.Count > 0 && _retrying != command;

    internal AdmissionVerdict AskTopic(in AdmissionQuestion question) => _topic.Admit(this, question);

    /// <summary>How many records the cap lets in here; asks the topic for more where that is too few.</summary>
    internal long? AdmissionsLeft(long admitted, int needed, out bool asked)
    {
        asked = false;
        if (_topic.Settings.Admit is null)
            return null;
        var left = Math.Max(0, _granted - admitted);
        if (left >= needed || _admissionsAnswered)
            return left;
        // How many are left is not known, so that nothing may be refused for ever.
        if (_admissionsFailed)
            throw new MqException(ErrorCodes.PartitionUnavailable, $"The ledger of admissions of topic '{_topic.Name}' did not answer.", TimeSpan.FromMilliseconds(100));
        asked = true;
        if (!_admissionsAsked)
        {
            _admissionsAsked = true;
            _topic.RequestAdmissions(this, admitted, needed);
        }

        return left;
    }

    /// <summary>Set while the first parked append is decided after the ledger answered: what it gave is all there is.</summary>
    private bool _admissionsAnswered;

    /// <summary>Set while the first parked append is decided after the ledger could not answer.</summary>
    private bool _admissionsFailed;

    /// <summary>What the topic's ledger granted here in the topic's life, as far as is known; nothing is admitted beyond it.</summary>
    private long _granted;

    /// <summary>Grants of this version of the ledger and before were taken back.</summary>
    private long _takenBackAsOf;

    /// <summary>The ledger answered; null: it could not, and what is beyond the grants that are known is to be sent again.</summary>
    public void AdmissionsAnswered(AdmissionGrant? grant) => Post(() =>
    {
        _admissionsAsked = false;
        // A grant of before a taking back comes too late: without an answer that counts, the next retry asks again.
        _admissionsAnswered = grant?.AsOf > _takenBackAsOf;
        _admissionsFailed = grant is null;
        if (_admissionsAnswered)
            _granted = Math.Max(_granted, grant!.Value.Granted);
        RetryFirstParked();
        _admissionsAnswered = _admissionsFailed = false;
        RetryParked();
    });

    /// <summary>Gives back what is granted here and not used; from then on it can't be.</summary>
    /// <returns>How many were admitted here in the topic's life.</returns>
    public Task<long> TakeBackAdmissions(long asOf) => Ask(ReleaseLevel.Decided, (state, _, _) =>
    {
        _takenBackAsOf = Math.Max(_takenBackAsOf, asOf);
        _granted = Math.Min(_granted, state.Admitted);
        return state.Admitted;
    });

    /// <summary>Says anew how much is here, because limits were set.</summary>
    public void SayBacklog() => Post(() => _topic.NoteBacklog(this, _state));

    /// <summary>What is here, as far as limits count it.</summary>
    public Task<PartitionHolding> Holding() => Ask(ReleaseLevel.Decided, (state, _, _) => PartitionHolding.Of(state, state.Position - FirstPosition));

    /// <summary>There may be room again.</summary>
    public void RoomMade() => Post(RetryParked);

    internal void Park(AppendCommand command)
    {
        if (command == _retrying)
            return;
        if (_parked.Count >= MaxParked)
            throw new MqException(ErrorCodes.Overloaded, $"{MaxParked} appends wait for partition {Number} of topic '{_topic.Name}'.", TimeSpan.FromSeconds(1));
        _parked.AddLast(command);
        _parkedCount = _parked.Count;
    }

    private void RetryParked()
    {
        while (_stopped is null && !_replaying && _parked.Count > 0)
        {
            if (!RetryFirstParked())
                return;
        }
    }

    /// <returns>False when it went on waiting.</returns>
    private bool RetryFirstParked()
    {
        if (_parked.First?.Value is not { } first)
            return false;
        _retrying = first;
        try
        {
            Decide(first);
        }
        finally
        {
            _retrying = null;
        }

        if (first.IsParked)
            return false;
        if (_parked.First?.Value == first)
            _parked.RemoveFirst();
        _parkedCount = _parked.Count;
        return true;
    }

    private void FailParked(Exception error)
    {
        foreach (var command in _parked)
            command.Fail(error);
        _parked.Clear();
        _parkedCount = 0;
    }
}
