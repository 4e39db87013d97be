using OrleansMq.Server.Deadlines;

namespace OrleansMq.Server.Partitions;

/// <summary>Sees to it that a partition is woken for what it waits for, should it sleep or its silo be lost. All members run in the partition's activation.</summary>
internal sealed class PartitionDeadline(string partition, IDeadlineGrain keeper, Action<string> report)
{
    /// <summary>A partition that can't be put on the list in this time serves without, and is put there with its next deadline: nobody waits longer for it after a loss.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Guid _activation = Guid.NewGuid();
    private bool _isOpen;

    /// <summary>That it is open is stored.</summary>
    private bool _isListed;

    /// <summary>When something comes due next, in the engine's time.</summary>
    private long? _dueMs;

    /// <summary>When the partition is asked next, as far as it knows; null: nobody was told.</summary>
    private long? _toldDueMs;
    private bool _telling;

    /// <summary>Waits until it is on the list of those that are woken after a loss, but not for ever. What fails is reported.</summary>
    public async Task Opened()
    {
        _isOpen = true;
        try
        {
            await GrainCalls.Ask(() => keeper.Opened(partition, _activation).WaitAsync(Patience));
            _isListed = true;
        }
        catch (Exception failure)
        {
            report($"Partition {partition} serves, and is not yet among those that are woken if its silo is lost: {failure.Message}");
        }
    }

    public void Note(long? dueMs)
    {
        _dueMs = dueMs;
        Tell();
    }

    /// <summary>For the case that what was told is forgotten: it is written a moment later than told.</summary>
    public void TellAgain()
    {
        _toldDueMs = null;
        Tell();
    }

    private async void Tell()
    {
        if (_telling)
            return;
        _telling = true;
        try
        {
            if (_isOpen && !_isListed)
                await Opened();
            while (_dueMs is { } due && (_toldDueMs is not { } told || due < told))
            {
                await GrainCalls.Ask(() => keeper.Note(partition, due));
                _toldDueMs = due;
            }
        }
        catch (MqException)
        {
            // The grain that remembers it is moving; this is called again every some seconds.
        }
        catch (Exception fault)
        {
            report($"When partition {partition} is to be woken could not be told, and is told again: {fault}");
        }
        finally
        {
            _telling = false;
        }
    }

    /// <summary>The one who remembers asks; it remembers the answer.</summary>
    public long? Asked() => _toldDueMs = _dueMs;

    /// <param name="isGone">The topic is deleted: nothing comes due any more.</param>
    public async Task Closed(bool isGone)
    {
        if (!_isOpen)
            return;
        _isOpen = false;
        try
        {
            await GrainCalls.Ask(() => keeper.Closed(partition, _activation, isGone ? null : _dueMs).WaitAsync(Patience));
        }
        catch (MqException)
        {
            // It stays on the list, and is woken once more than it need be.
        }
    }
}
