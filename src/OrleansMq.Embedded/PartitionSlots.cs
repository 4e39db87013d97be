using OrleansMq.Engine.Partitions;

namespace OrleansMq.Embedded;

/// <summary>The partitions of one topic: opened when somebody asks, closed when nobody did for a while and nothing in them waits.</summary>
/// <remarks>
/// Invariant: at most one engine has a partition's log at a time; the next opening waits until the one before is closed. Whoever gets an engine uses it at
/// once: it is closed at the earliest a whole pass of <see cref="CloseIdle"/> later.
/// </remarks>
internal sealed class PartitionSlots(int count, Func<int, Task<PartitionEngine>> open, Action<string> report)
{
    private readonly Lock _gate = new();
    private Slot?[] _slots = new Slot?[count];
    private bool _closed;

    private int Count
    {
        get
        {
            lock (_gate)
                return _slots.Length;
        }
    }

    /// <summary>There are more logs now.</summary>
    public void Grow(int to)
    {
        lock (_gate)
            if (to > _slots.Length)
                Array.Resize(ref _slots, to);
    }

    /// <exception cref="Engine.Storage.StorageException">It can't be opened.</exception>
    /// <exception cref="MqException">All are closed, or being closed.</exception>
    /// <remarks>Damage is remembered; after whatever else failed it is tried again the next time.</remarks>
    public async ValueTask<PartitionEngine> Get(int number)
    {
        Slot slot;
        Lazy<Task<PartitionEngine>> opening;
        lock (_gate)
        {
            ThrowIfClosed(number);
            slot = _slots[number] ??= new Slot();
            slot.Uses++;
            opening = slot.Opening ??= Opening(number, slot.Closing);
        }

        try
        {
            return await opening.Value;
        }
        catch (Exception failure) when (failure is not Engine.Storage.LogDamagedException)
        {
            lock (_gate)
            {
                if (slot.Opening == opening)
                    slot.Opening = null;
            }

            throw;
        }
    }

    public List<PartitionEngine> Open()
    {
        var open = new List<PartitionEngine>();
        lock (_gate)
        {
            foreach (var slot in _slots)
                if (slot is { Opening: { IsValueCreated: true } opening } && opening.Value.IsCompletedSuccessfully)
                    open.Add(opening.Value.Result);
        }

        return open;
    }

    /// <summary>What those held that were closed since the start: it does not change meanwhile.</summary>
    public List<PartitionFigures> Closed()
    {
        lock (_gate)
            return [.. _slots.Where(slot => slot is { Opening: null, Last: not null }).Select(slot => slot!.Last!)];
    }

    /// <summary>Closes what nobody asked for since the last call, and in which nothing waits.</summary>
    /// <returns>Whether none is open any more, and none of them had anything that a group has not settled.</returns>
    public async Task<bool> CloseIdle()
    {
        var idle = true;
        for (var number = 0; number < Count; number++)
        {
            if (!TryFindIdle(number, out var slot, out var engine))
                idle = false;
            else if (engine is not null)
                idle &= await engine.IsQuiet() && await TryClose(slot!, engine);
        }

        return idle && Closed().TrueForAll(figures => figures.Groups.All(group => group.Lag == 0));
    }

    /// <summary>Numbers of those that are not open.</summary>
    public List<int> NotOpen()
    {
        lock (_gate)
            return [.. Enumerable.Range(0, _slots.Length).Where(number => _slots[number]?.Opening is null)];
    }

    /// <summary>Closes those too that are being opened: no engine is left on a storage that closes next. Whoever comes later is told.</summary>
    public async Task CloseAll()
    {
        List<Task> closings;
        List<Lazy<Task<PartitionEngine>>> openings;
        lock (_gate)
        {
            _closed = true;
            closings = [.. _slots.Select(slot => slot?.Closing).OfType<Task>()];
            openings = [.. _slots.Select(slot => slot?.Opening).OfType<Lazy<Task<PartitionEngine>>>()];
        }

        // Those that are open first: what they have is flushed, however long another one takes to open.
        try
        {
            await Each.Of(openings.OrderBy(opening => opening is { IsValueCreated: true, Value.IsCompleted: true } ? 0 : 1), async opening =>
            {
                // One that can't be opened has nothing to close, and whoever asked for it is told.
                await Task.WhenAny(opening.Value);
                if (opening.Value.IsCompletedSuccessfully)
                    await opening.Value.Result.DisposeAsync();
            }, report);
        }
        finally
        {
            await Task.WhenAll(closings);
        }
    }

    private Lazy<Task<PartitionEngine>> Opening(int number, Task? before) => new(async () =>
    {
        if (before is not null)
            await before;
        lock (_gate)
            ThrowIfClosed(number);
        return await open(number);
    });

    private void ThrowIfClosed(int number)
    {
        if (_closed)
            throw new MqException(ErrorCodes.PartitionUnavailable, $"Partition {number} is closing.", TimeSpan.FromSeconds(1));
    }

    /// <returns>False if it is in use, or being opened.</returns>
    private bool TryFindIdle(int number, out Slot? slot, out PartitionEngine? engine)
    {
        engine = null;
        lock (_gate)
        {
            slot = _slots[number];
            if (slot?.Opening is not { } opening)
                return true;
            var used = slot.Uses != slot.UsesSeen;
            slot.UsesSeen = slot.Uses;
            if (used || !opening.IsValueCreated || !opening.Value.IsCompletedSuccessfully)
                return false;
            engine = opening.Value.Result;
            return true;
        }
    }

    private async Task<bool> TryClose(Slot slot, PartitionEngine engine)
    {
        var figures = await engine.Figures();
        TaskCompletionSource closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_closed || slot.Uses != slot.UsesSeen)
                return false;
            (slot.Opening, slot.Closing, slot.Last) = (null, closed.Task, figures);
        }

        try
        {
            await engine.DisposeAsync();
        }
        catch (Engine.Storage.StorageException error)
        {
            report($"Partition {engine.Number} was idle and could not be closed in good order: {error.Message}");
        }
        finally
        {
            closed.SetResult();
        }

        return true;
    }

    private sealed class Slot
    {
        public Lazy<Task<PartitionEngine>>? Opening { get; set; }

        /// <summary>The closing of the engine before; the next one waits for it.</summary>
        public Task? Closing { get; set; }

        public long Uses { get; set; }

        /// <summary>Uses at the last look for idle ones.</summary>
        public long UsesSeen { get; set; }

        public PartitionFigures? Last { get; set; }
    }
}
