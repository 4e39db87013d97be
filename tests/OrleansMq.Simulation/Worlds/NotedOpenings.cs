using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Worlds;

/// <summary>Notes which process opens which log, and when: whoever had it before keeps what it flushed until then, and no more. Awaits nothing, that worlds go as without it.</summary>
internal sealed class NotedOpenings(IStorage storage, SimProcess process, History history) : IStorage
{
    public IDocuments Documents => storage.Documents;

    public bool CanRewrite => storage.CanRewrite;

    public ValueTask CreateLog(LogId id, LogDefinition definition)
    {
        history.Places[id] = new Place(definition.TopicName, id.Partition);
        return storage.CreateLog(id, definition);
    }

    public ValueTask<IPartitionLog> OpenLog(LogId id)
    {
        if (history.Places.TryGetValue(id, out var place))
            history.Openings.Add(new LogOpening(process, place, history.Next()));
        return storage.OpenLog(id);
    }

    public ValueTask DeleteLog(LogId id) => storage.DeleteLog(id);

    public ValueTask DisposeAsync() => storage.DisposeAsync();
}
