using OrleansMq.Core.Cursors;
using OrleansMq.Core.Filters;
using OrleansMq.Core.Partitions;

namespace OrleansMq.Engine.Partitions;

/// <summary>Cursors that grant by key, by priority, fairly or through a filter are told ahead what decides about messages' turns.</summary>
public sealed partial class PartitionEngine
{
    /// <summary>What is being read, by the groups' numbers; touched in turns.</summary>
    private readonly Dictionary<int, TraitLoad> _traitLoads = [];

    /// <summary>What is to be read ahead for a group, outside the turn and shared by all who wait for it; null where its cursor knows enough.</summary>
    /// <param name="further">Also beyond what can be granted already.</param>
    private Lazy<Task>? ReadAhead(PartitionGroup group, bool further = false)
    {
        if (group.WantsLetters)
            return ReadLetters(group);
        if (group.Main is not { } main || !main.WantsTraits(_visible.Stable, out var from, out var count, further))
            return null;
        if (_traitLoads.TryGetValue(group.Number, out var begun) && begun.From == from && begun.Order == main.Order && begun.Filter == main.Filter)
        {
            // Whoever was to begin it may have failed long ago, and more was written since.
            if (!begun.Done!.IsValueCreated)
                begun.Count = count;
            return begun.Done;
        }

        var load = new TraitLoad(group.Number, group.Name, from, main.Order, main.Filter) { Count = count };
        load.Done = new Lazy<Task>(() => Load(load, new TraitReader(main.ByKey, main.Order, main.Filter?.Begin(Number))));
        _traitLoads[group.Number] = load;
        return load.Done;
    }

    private async Task Load(TraitLoad load, TraitReader reader)
    {
        MessageTraits[] traits = [];
        try
        {
            traits = await reader.Read(this, load.From, load.Count);
        }
        finally
        {
            await Ask(ReleaseLevel.Decided, (state, frames, now) =>
            {
                if (_traitLoads.GetValueOrDefault(load.Group) == load)
                    _traitLoads.Remove(load.Group);
                // What was read for an order or a filter that is no more says nothing about this one; what another has offered meanwhile is passed over.
                if (traits.Length > 0 && state.FindGroup(load.Group) is { Main: { } main } group && IsByItsFilter(load, group)
                    && main.Order == load.Order && main.Filter == load.Filter && main.Scanned >= load.From)
                {
                    state.PassOver(group, load.From, traits, now, frames);
                    main.Offer(load.From, traits);
                    _topic.Deliverable(this, load.Name);
                }

                return true;
            });
        }
    }

    /// <summary>What is passed over stays so: it is not done by a filter that the topic knows to be no more.</summary>
    private bool IsByItsFilter(TraitLoad load, PartitionGroup group)
    {
        if (_topic.FindGroup(load.Name) is not { } settings || settings.Filter == load.Filter?.Text)
            return true;
        SetRules(group, settings);
        _topic.Deliverable(this, load.Name);
        return false;
    }

    private sealed class TraitLoad(int group, string name, long from, DeliveryOrder order, MessageFilter? filter)
    {
        public int Group => group;
        public string Name => name;
        public long From => from;
        public DeliveryOrder Order => order;
        public MessageFilter? Filter => filter;
        public int Count { get; set; }
        public Lazy<Task>? Done { get; set; }
    }
}
