using OrleansMq.Records;

namespace OrleansMq.Engine.Groups;

/// <summary>The state of a key, looked at and set without a message.</summary>
public sealed partial class GroupEngine
{
    public async Task<SessionState> Session(SessionRequest request)
    {
        MustBeQueue();
        var here = Murmur2.PartitionFor(request.Key.Span, Partitions);
        List<int> chain = [here, .. _releases.PredecessorsOf(here, request.Key.Span)];
        var home = await HomeOf(chain);
        if (request.Set is { IsEmpty: true })
            await ClearBefore(request, chain, home);
        if (request.Set is not null)
            await (await _open(home)).SetSession(Name, request);
        // After a seek back over a growth there may be a state further on; it is not the one that is kept on with.
        foreach (var number in chain.Skip(chain.IndexOf(home)))
            if ((await (await _open(number)).Sessions(Name, [request.Key]))[0] is { } state)
                return number == home ? state : state with { Partition = home, Version = 0 };
        return new SessionState(home, 0, default);
    }

    /// <summary>Where the key's messages are delivered now, and its state is kept: the last partition, or one before it that the group has not done with.</summary>
    private async Task<int> HomeOf(List<int> chain)
    {
        for (var i = chain.Count - 1; i > 0; i--)
            if (!await (await _open(chain[i])).IsDrained(Name, chain[i - 1]))
                return chain[i];
        return chain[0];
    }

    /// <summary>From the oldest on and before it is cleared where it is kept, so that no older state comes up meanwhile.</summary>
    private async Task ClearBefore(SessionRequest request, List<int> chain, int home)
    {
        if (request.Version is { } version && (await (await _open(home)).Sessions(Name, [request.Key]))[0] is var state && (state?.Version ?? 0) != version)
            throw new MqException(ErrorCodes.SessionMoved, $"The state of the key is of version {state?.Version ?? 0}, and not {version}.");
        foreach (var number in Enumerable.Reverse(chain).Where(number => number != home))
            await (await _open(number)).SetSession(Name, request with { Version = null });
    }
}
