namespace OrleansMq.Samples.Chats;

/// <summary>Somebody who looks on in the room for a while: every line from the moment they came, in an ephemeral group of their own.</summary>
internal sealed class Guest
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new();
    private readonly List<Line> _lines = [];
    private readonly SemaphoreSlim _more = new(0);
    private BroadcastConsumer? _looking;

    public async Task Come(IBroker broker) => _looking = await broker.OpenBroadcast(Member.Room, Look, new() { Prefix = "guest" });

    public async Task Go() => await _looking!.DisposeAsync();

    /// <summary>So many lines; fewer, where they don't come: the promise is broken then, and the end says so.</summary>
    public async Task<IReadOnlyList<Line>> Saw(int lines)
    {
        while (Count < lines && await _more.WaitAsync(Patience))
        {
        }

        lock (_gate)
            return [.. _lines];
    }

    private int Count
    {
        get
        {
            lock (_gate)
                return _lines.Count;
        }
    }

    private Task Look(Delivery delivery, CancellationToken cancel)
    {
        lock (_gate)
            _lines.Add(Line.Of(delivery));
        _more.Release();
        return Task.CompletedTask;
    }
}
