namespace OrleansMq.Engine.Groups;

/// <summary>A dispatcher that begins where another was learns what that one gave out.</summary>
public sealed partial class QueueDispatcher
{
    private Task<bool>? _counting;

    /// <summary>What is out is known: partitions said so, or the group was made here and nothing was given out before.</summary>
    public bool IsCounted { get; set; }

    /// <summary>What is out is known before the first is given: else the limits of the group would let in as many again.</summary>
    private async ValueTask CountFirst()
    {
        if (IsCounted || Recount is not { } recount)
            return;
        // All who come meanwhile wait for the same answers.
        var counting = _counting ??= recount();
        try
        {
            var all = await counting;
            // Who holds leases in a partition that is away may be the only one who may receive: it is asked again. A number that is too low hurts less than to ask all each time.
            IsCounted |= all || _settings.MaxActive is null;
        }
        finally
        {
            if (_counting == counting)
                _counting = null;
        }
    }
}
