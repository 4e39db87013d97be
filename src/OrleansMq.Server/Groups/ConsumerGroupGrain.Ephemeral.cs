namespace OrleansMq.Server.Groups;

/// <summary>The end of an ephemeral group that nobody uses.</summary>
internal sealed partial class ConsumerGroupGrain
{
    public async Task<bool> EndUnused(Guid id)
    {
        await Load();
        await _changes.WaitAsync();
        try
        {
            if (_engine is not { } engine)
                // It may be there all the same: whether its document was written was not known when it was made, and the next activation finds it.
                return await _catalog.FindGroup(_topicId, _name, _silo.NowMs) is not { } found || found.Group.Id != id;
            if (engine.Id != id)
                return true;
            var ended = false;
            await Written(async () => ended = await engine.EndUnused());
            if (!ended)
                return false;
            _engine = null;
            await GrainCalls.Ask(() => Topic.RemoveGroup(_name, id));
            return true;
        }
        finally
        {
            _changes.Release();
        }
    }
}
