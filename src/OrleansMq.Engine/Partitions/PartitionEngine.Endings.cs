using OrleansMq.Core.Partitions;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Partitions;

/// <summary>What becomes of those who wait when it does not go on: the log refuses a write and is replayed, the partition stops in doubt, or it is closed in good order.</summary>
public sealed partial class PartitionEngine
{
    /// <summary>A refusal is followed by a second in which little is tried; so many in a row are no coincidence.</summary>
    private const int MostLooks = 10;

    /// <summary>The log had no room: nothing of the last groups is in it, so what they changed is forgotten by replaying the log.</summary>
    private async void ReplayAfterRefusal(Exception error)
    {
        _replaying = true;
        _fullUntilMs = _clock.NowMs + 1_000;
        _host.Report($"Topic {_topic.Name}, partition {Number}: {error.Message} Appends are refused until there is room.");
        var refusal = new MqException(ErrorCodes.DiskFull, error.Message, TimeSpan.FromSeconds(1), error);
        FailBehind(_awaitWritten, refusal);
        FailBehind(_awaitDurable, refusal);
        FailParked(refusal);
        try
        {
            await _log.Flush();
            using var snapshot = _log.Snapshot;
            var (state, _) = await LogRecovery.Replay(_log, snapshot, PartitionLimits.Of(_topic.Settings), new OffsetIndex(_log));
            Post(() => Replayed(state));
        }
        catch (Exception e)
        {
            Post(() => Stop(e));
        }
    }

    /// <summary>
    /// Asks what changes nothing. It waits for what others changed, and of which it may tell: where that is refused it is asked again, of what is left. Who holds leases already must not
    /// hear that there is no room.
    /// </summary>
    private async Task<T> Look<T>(ReleaseLevel level, Func<Partition, long, T> look)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await Ask(level, (state, _, now) => look(state, now));
            }
            catch (MqException undone) when (undone.Code == ErrorCodes.DiskFull && tries < MostLooks)
            {
                // The log is being replayed; the question waits for that.
            }
        }
    }

    private void FailBehind(Queue<PartitionCommand> waiting, MqException refusal)
    {
        var kept = waiting.Where(command => command.AwaitedGroup <= _writtenGroup).ToList();
        foreach (var command in waiting)
            if (command.AwaitedGroup > _writtenGroup)
                command.Fail(refusal);
        waiting.Clear();
        kept.ForEach(waiting.Enqueue);
    }

    private void Replayed(Partition state)
    {
        state.KeepSeeks(_state);
        _state = state;
        _frames.Reset(state.Position);
        // Groups that were refused count as done: nobody waits for them, nor for the one that was being gathered, and no flush is wanted on its account.
        _writtenGroup = _durableWanted = _sealedGroup;
        _undurable.Clear();
        _undurable.Enqueue(new Sealed(_sealedGroup, SeenNow(state.Position)));
        DurableUpTo(_sealedGroup);
        _replaying = false;
        AfterReplay();
        if (_topic.TracksBacklog)
            _topic.NoteBacklog(this, state);
        while (_heldBack.TryDequeue(out var command))
            TakeCommand(command);
    }

    /// <summary>Serves no more: what waits has an unknown outcome, for it may be in the log.</summary>
    private void Stop(Exception error)
    {
        if (_stopped is not null)
            return;
        _stopped = error;
        _host.Report($"Topic {_topic.Name}, partition {Number} stopped: {error.Message}");
        var unknown = new MqException(ErrorCodes.OutcomeUnknown, $"The partition stopped while this was being written: {error.Message}", TimeSpan.FromSeconds(1), error);
        foreach (var waiting in (Queue<PartitionCommand>[])[_awaitWritten, _awaitDurable, _heldBack])
            while (waiting.TryDequeue(out var command))
                command.Fail(unknown);
        FailParked(Unavailable(error));
        WakeReaders();
    }

    private MqException Unavailable(Exception error) => error is LogDamagedException
        ? new MqException(ErrorCodes.PartitionDamaged, error.Message, null, error)
        : new MqException(ErrorCodes.PartitionUnavailable, $"Partition {Number} of topic '{_topic.Name}' stopped: {error.Message}", TimeSpan.FromSeconds(1), error);

    private MqException Closing() =>
        new(ErrorCodes.PartitionUnavailable, $"Partition {Number} of topic '{_topic.Name}' is closing.", TimeSpan.FromSeconds(1));

    /// <summary>Damage that a reader found stops the partition; so does a medium that failed, for the log's opening is over then.</summary>
    private MqException FailedToRead(StorageException failure)
    {
        Post(() => Stop(failure));
        return Unavailable(failure);
    }

    /// <summary>What can't be: the partition stops rather than go on in doubt.</summary>
    private MqException FoundBug(string what)
    {
        var bug = new PartitionBrokenException(what);
        Post(() => Stop(bug));
        return Unavailable(bug);
    }

    /// <summary>Finishes what is in flight, flushes, saves a snapshot where a replay would take long, closes the log.</summary>
    public async ValueTask DisposeAsync()
    {
        _compactionEnds = true;
        await _deadlineTimer.DisposeAsync();
        await _maintenanceTimer.DisposeAsync();
        if (_stopped is null)
        {
            try
            {
                await Ask(ReleaseLevel.Durable, (_, _, _) => FailParkedForClosing());
                await SnapshotNow(atLeast: Math.Min(_host.SnapshotBytes, _host.ClosingSnapshotBytes));
            }
            catch (MqException)
            {
                // It stopped meanwhile, and reported why; there is nothing more to save.
            }
            catch (StorageException failure)
            {
                _host.Report($"Topic {_topic.Name}, partition {Number}: no snapshot was saved while closing: {failure.Message} The next start replays more.");
            }
        }

        Post(() =>
        {
            _closing = true;
            // Those that came since, and found no room.
            FailParked(Closing());
        });
        await _atRest.Task;
        await ScheduledAtRest();
        await _compaction;
        WakeReaders();
        await _flushTimer.DisposeAsync();
        await _log.DisposeAsync();
    }

    private bool FailParkedForClosing()
    {
        FailParked(Closing());
        return true;
    }
}
