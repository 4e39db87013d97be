using OrleansMq.Client.Grains;
using OrleansMq.Engine.Turns;
using OrleansMq.Server.Groups;

namespace OrleansMq.Server.Partitions;

/// <summary>
/// Tells one group's grain that this partition may have something to deliver, and how many leases it has out. One signal is on its way at a time, and the newest
/// state is told: at once where the group has asked since the last signal, else after a moment, so that a busy partition does not send one for each flush.
/// </summary>
/// <remarks>A signal that is lost costs little: a group with waiting consumers asks its partitions every second by itself. All members run in the activation.</remarks>
internal sealed class GroupSignal(IGroupOwner group, int partition, TimeProvider time, Action<string> report)
{
    /// <summary>A group that has not asked for so long has nobody waiting, and is left asleep.</summary>
    private static readonly TimeSpan Attention = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(10);

    private long _askedAt = time.GetTimestamp();
    private Signal _asked = new();
    private bool _dirty;
    private bool _sending;

    public GroupStanding Standing { get; private set; }

    /// <summary>The group asked for messages here.</summary>
    public void Asked()
    {
        _askedAt = time.GetTimestamp();
        _asked.Give();
    }

    public void Note(GroupStanding standing)
    {
        if (standing == Standing)
            return;
        Standing = standing;
        Mark();
    }

    public void Mark()
    {
        _dirty = true;
        if (!_sending && time.GetElapsedTime(_askedAt) < Attention)
            Send();
    }

    private async void Send()
    {
        _sending = true;
        try
        {
            while (_dirty)
            {
                _dirty = false;
                _asked = new Signal();
                await GrainCalls.Ask(() => group.Signal(partition, Standing));
                if (!_asked.IsOver)
                    await _asked.Wait(Moment, TimeProvider.System, CancellationToken.None);
            }
        }
        catch (MqException)
        {
            // The group's grain is moving: where somebody waits there, it asks by itself.
        }
        catch (Exception fault)
        {
            report($"A group could not be told what partition {partition} has for it, and asks by itself: {fault}");
        }
        finally
        {
            _sending = false;
        }
    }
}

/// <summary>The signals of all queue-style groups of a partition.</summary>
internal sealed class GroupSignals(IGrainFactory grains, Guid topicId, TopicName topic, int partition, TimeProvider time, Action<string> report)
{
    private readonly Dictionary<string, GroupSignal> _signals = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GroupStanding> _untold = new(StringComparer.Ordinal);

    /// <summary>Of a group that asks for messages; made at its first asking.</summary>
    public GroupSignal Of(GroupName group)
    {
        if (_signals.TryGetValue(group.Text, out var signal))
            return signal;
        signal = new GroupSignal(grains.GetGrain<IGroupOwner>(GrainKeys.Group(topicId, topic, group)), partition, time, report);
        if (_untold.Remove(group.Text, out var known))
            signal.Note(known);
        return _signals[group.Text] = signal;
    }

    public void Note(string group, GroupStanding standing)
    {
        if (_signals.TryGetValue(group, out var signal))
            signal.Note(standing);
        else
            _untold[group] = standing;
    }

    public void Mark(string group)
    {
        if (_signals.TryGetValue(group, out var signal))
            signal.Mark();
    }

    public void MarkAll()
    {
        foreach (var signal in _signals.Values)
            signal.Mark();
    }

    public void Forget(string group)
    {
        _signals.Remove(group);
        _untold.Remove(group);
    }
}
