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
        if (!_gate.Note(partition, holding))
            return;
        foreach (var waiting in _waiting)
            _ = Partition(waiting).RoomMade();
        _waiting.Clear();
    }

    private async ValueTask<KeyValuePair<string, GroupSettings>[]> Declared() =>
        [.. (await Groups()).Values.Where(group => group.HoldsBack).Select(group => KeyValuePair.Create(group.Name.Text, group.Settings))];

    /// <summary>Before the first decision every partition has said what it holds.</summary>
    private async ValueTask Counted()
    {
        var counting = _counted ??= CountAll();
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

    private async Task CountAll()
    {
        var count = MustExist().Settings.Partitions;
        var holdings = await Task.WhenAll(Enumerable.Range(0, count).Select(p => GrainCalls.Ask(() => Partition(p).Holding())));
        for (var p = 0; p < count; p++)
            _gate.Note(p, holdings[p]);
    }
}
