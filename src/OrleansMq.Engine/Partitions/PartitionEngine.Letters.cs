using OrleansMq.Core.Cursors;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;

namespace OrleansMq.Engine.Partitions;

/// <summary>Groups whose keys wait for their dead letters are told the keys of those that were there before.</summary>
public sealed partial class PartitionEngine
{
    /// <summary>What is being read, by the groups' numbers; touched in turns.</summary>
    private readonly Dictionary<int, (HeldKeys Held, Lazy<Task> Done)> _letterLoads = [];

    /// <summary>As <see cref="ReadAhead"/>.</summary>
    private Lazy<Task> ReadLetters(PartitionGroup group)
    {
        var (number, name, held) = (group.Number, group.Name, group.Held!);
        if (_letterLoads.TryGetValue(number, out var begun) && begun.Held == held)
            return begun.Done;
        var done = new Lazy<Task>(() => LoadLetters(number, name, held));
        _letterLoads[number] = (held, done);
        return done;
    }

    private async Task LoadLetters(int number, string name, HeldKeys held)
    {
        var keys = new List<(bool Redriven, long Offset, ulong Key)>();
        var epoch = -1;
        try
        {
            // A letter that was moved a moment ago is read when it is written.
            var letters = await Ask(ReleaseLevel.Durable, (state, _, _) =>
            {
                epoch = held.Epoch;
                return state.FindGroup(number) is { } group && group.Held == held ? group.UnknownLetters().ToList() : [];
            });
            foreach (var (redriven, item) in letters)
                if (await KeyOfLetter(item) is { } key)
                    keys.Add((redriven, item.Offset, key));
        }
        catch
        {
            epoch = -1;
            throw;
        }
        finally
        {
            await Ask(ReleaseLevel.Decided, (state, _, _) =>
            {
                if (_letterLoads.TryGetValue(number, out var load) && load.Held == held)
                    _letterLoads.Remove(number);
                if (state.FindGroup(number) is not { } group || group.Held != held || held.Epoch != epoch)
                    return false;
                foreach (var (redriven, offset, key) in keys)
                    if ((redriven ? group.RedrivenLane : group.DeadLetters).Contains(offset))
                        held.Add(redriven, offset, key);
                held.Know();
                _topic.Deliverable(this, name);
                return true;
            });
        }
    }

    /// <summary>Null where it was taken away meanwhile.</summary>
    private async ValueTask<ulong?> KeyOfLetter(LaneIndex.Item item)
    {
        try
        {
            var record = await LaneRecord(item.Offset, item.Position);
            return record.HasKey ? KeyHash.Of(record.Key.Span) : 0;
        }
        catch (MqException gone) when (gone.Code == ErrorCodes.OffsetOutOfRange)
        {
            return null;
        }
    }
}
