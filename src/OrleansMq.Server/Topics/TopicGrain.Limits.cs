using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;

namespace OrleansMq.Server.Topics;

/// <summary>
/// Limits over all partitions. Each batch of a limited topic is asked about here, with what its partition holds at that moment, so a limit is exact within a
/// partition; what other partitions settled is known as soon as they said so, which they do at once.
/// </summary>
internal sealed partial class TopicGrain
{
    private TopicGate _gate = new();
    private readonly HashSet<int> _waiting = [];
    private Task? _counted;

    /// <summary>Partitions that have not said what they hold since the topic was loaded.</summary>
    private readonly HashSet<int> _uncounted = [];
    private IGrainTimer? _counting;

    /// <summary>How often partitions that did not answer are asked again what they hold.</summary>
    private static readonly TimeSpan CountRetry = TimeSpan.FromSeconds(1);

    public async Task<AdmissionVerdict> Admit(Guid id, int partition, AdmissionQuestion question, PartitionHolding? holding)
    {
        var topic = MustBe(id);
        var declared = await Declared();
        if (TopicGate.TracksBacklog(topic.Settings, declared.Select(group => group.Value)))
        {
            await Counted();
            if (holding is not null)
                Note(partition, holding);
        }

        var verdict = _gate.Admit(_name, partition, question, topic.Settings, declared);
        if (verdict.Answer == AdmissionAnswer.Wait)
            _waiting.Add(partition);
        return verdict;
    }

    public async Task NoteHolding(Guid id, int partition, PartitionHolding holding)
    {
        MustBe(id);
        await Counted();
        Note(partition, holding);
    }

    public async Task<AdmissionGrant> RequestAdmissions(Guid id, int partition, long admitted, int needed)
    {
        try
        {
            return await _admissions!.Request(partition, admitted, needed, MustBe(id).Settings.Admit ?? 0);
        }
        catch (DocumentConflictException conflict)
        {
            throw new MqException(ErrorCodes.PartitionUnavailable, $"Topic '{_name}' is moving to another silo: {conflict.Message}", TimeSpan.FromMilliseconds(100), conflict);
        }
    }

    private void Note(int partition, PartitionHolding holding)
    {
        _uncounted.Remove(partition);
        if (!_gate.Note(partition, holding))
            return;
        foreach (var waiting in _waiting)
            _ = Partition(waiting).RoomMade();
        _waiting.Clear();
    }

    private async ValueTask<KeyValuePair<string, GroupSettings>[]> Declared() =>
        [.. (await Groups()).Values.Where(group => group.HoldsBack).Select(group => KeyValuePair.Create(group.Name.Text, group.Settings))];

    /// <summary>Before the first decision every partition was asked what it holds. One that does not answer is asked again, and closes the topic for no other meanwhile.</summary>
    private async ValueTask Counted()
    {
        var counting = _counted ??= CountAll(_gate);
        try
        {
            await counting;
        }
        catch
        {
            if (_counted == counting)
                _counted = null;
            throw;
        }
    }

    private async Task CountAll(TopicGate gate)
    {
        _uncounted.Clear();
        _uncounted.UnionWith(Enumerable.Range(0, MustExist().Settings.Partitions));
        if (await Task.WhenAll(_uncounted.ToList().Select(p => Count(gate, p))) is var errors && Array.Find(errors, error => error is not null) is not { } first)
            return;
        _silo.Report($"Topic {_name}: its limits don't count {errors.Count(error => error is not null)} of its partitions until they say what they hold: {first.Message}");
        _counting ??= this.RegisterGrainTimer(CountAgain, new GrainTimerCreationOptions(CountRetry, CountRetry) { Interleave = true });
    }

    private async Task CountAgain(CancellationToken cancel)
    {
        if (_topic is not null)
            await Task.WhenAll(_uncounted.ToList().Select(p => Count(_gate, p)));
        if (_topic is not null && _uncounted.Count > 0)
            return;
        _counting?.Dispose();
        _counting = null;
    }

    private async Task<MqException?> Count(TopicGate gate, int partition)
    {
        try
        {
            var holding = await GrainCalls.Ask(() => Partition(partition).Holding());
            // What it said by itself meanwhile may be newer.
            if (gate == _gate && _uncounted.Remove(partition))
                gate.Note(partition, holding);
            return null;
        }
        catch (MqException error)
        {
            return error;
        }
    }
}
