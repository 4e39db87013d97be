using OrleansMq.Core.Cursors;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Partitions;

/// <summary>Retention, trimming, and snapshots.</summary>
public sealed partial class PartitionEngine
{
    /// <summary>Replay begins here after a crash.</summary>
    private long _snapshotPosition;

    /// <summary>The snapshot before it, for the day the newest can't be read: the log is kept from here.</summary>
    private long _olderSnapshotPosition;
    private long _snapshotBytes;

    /// <summary>Both were saved, or found, by this opening: of an older one that was there before it is not known where it stands.</summary>
    private bool _olderIsKnown;
    private readonly SemaphoreSlim _snapshotGate = new(1);
    private bool _snapshotting;

    /// <summary>Removes the messages below an offset, whoever has not settled them.</summary>
    public async Task<long> DeleteBefore(long offset)
    {
        var start = await Ask(ReleaseLevel.Durable, (state, frames, now) =>
        {
            if (offset < 0 || offset > state.End)
                throw OutOfRange(offset, state.Start, state.End);
            state.MoveStart(offset, now, frames);
            return state.Start;
        });
        // They are gone, whatever becomes of the room that they took.
        await Upkeep(Trim);
        return start;
    }

    /// <summary>How much of the log one group has before it: what a limit in bytes counts.</summary>
    internal async ValueTask<long> BytesFrom(long offset) => _visible.Position - await PositionOf(offset);

    private async ValueTask<long> PositionOf(long offset)
    {
        using var held = await _positions.Hold();
        return await _index.FindOffset(offset);
    }

    /// <summary>Nothing here is under way or has a time at which it goes on by itself: closing it takes nothing from anybody. One that stopped is not quiet, for it says why.</summary>
    public async Task<bool> IsQuiet()
    {
        lock (_waitersGate)
        {
            if (_waiters.Count > 0)
                return false;
        }

        try
        {
            return await Ask(ReleaseLevel.Durable, (state, _, now) =>
                _parked.Count == 0 && _dying.Count == 0 && state.Scheduled.Count == 0 && state.Half.NextTimeOutMs is null && state.Groups.All(group => group.KeptUntilMs is null && (group.IsLog || (group.InFlight == 0 && IsAtRest(group.Main!) && IsAtRest(group.Redriven!)))));
        }
        catch (MqException)
        {
            return false;
        }
    }

    private static bool IsAtRest(QueueCursor cursor) => cursor.NextDeadline is null && cursor.Returned == 0;

    private async void OnMaintenance()
    {
        if (_stopped is not null || _replaying)
            return;
        _state.Tokens.Limit(_topic.Settings.TokenCount, (long)_topic.Settings.TokenAge.TotalMilliseconds, _clock.NowMs);
        _state.Producers.Expire(_clock.NowMs);
        await Upkeep(async () =>
        {
            await Retain();
            CompactInBackground();
        });
    }

    /// <summary>What goes wrong in it is told of, or stops the partition; it is nobody's answer.</summary>
    private async Task Upkeep(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception refusal) when (refusal is MqException or LogTrimmedException or LogFullException)
        {
            // Another one's trim was faster, or there is no room: the next time.
            _host.Report($"Topic {_topic.Name}, partition {Number}: retention could not run: {refusal.Message}");
        }
        catch (ObjectDisposedException)
        {
            // It was closed meanwhile.
        }
        catch (StorageException error)
        {
            Post(() => Stop(error));
        }
    }

    /// <summary>Removes what is settled and older, or more, than the topic keeps.</summary>
    public async Task Retain()
    {
        var settings = _topic.Settings;
        // Of a compacted topic each key's last message stays, however old.
        var keep = settings.Compact ? Start : await KeepFrom(settings);
        if (keep > Start)
            await Ask(ReleaseLevel.Durable, (state, frames, now) =>
            {
                state.MoveStart(settings.KeepUnsettled ? Math.Min(keep, state.DeclaredFloor) : keep, now, frames);
                return true;
            });
        await Trim();
    }

    /// <summary>The first offset that retention by time and by size lets stay.</summary>
    private async ValueTask<long> KeepFrom(TopicSettings settings)
    {
        var byTime = await FindOffset(StartAt.Time(DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(0, _clock.NowMs - (long)settings.Retention.TotalMilliseconds))));
        if (settings.RetentionBytes is not { } bytes || Bytes <= bytes)
            return byTime;
        var seen = _visible;
        // As many bytes from the beginning on as there are too many: with the gaps of a compaction that is less than too many, and the rest goes the next time.
        return Math.Max(byTime, await _reader.FirstOffsetFrom(_log.Start + (Bytes - bytes), seen.End, seen.Position));
    }

    /// <summary>Gives space back: whole segments that no message kept, no lane and no replay needs.</summary>
    private async Task Trim()
    {
        var start = Start;
        var keep = start >= End ? _visible.Position : await PositionOf(start);
        var segments = _log.Segments;
        if (segments.Count < 2 && keep - _log.Start < _host.SnapshotBytes)
            return;
        if (segments.Count < 2 || segments[^1] >= keep)
        {
            // The newest segment holds what could go: begin another, so that it can go the next time.
            if (keep > segments[^1] && keep - segments[^1] >= _host.SnapshotBytes)
                _log.Roll();
        }

        if (segments.Count < 2 || segments[1] > keep)
            return;
        await RollScheduled(keep);
        var lanes = await Ask(ReleaseLevel.Durable, (state, _, _) => state.LeastLanePosition);
        keep = Math.Min(keep, lanes);
        if (segments[1] > keep)
            return;
        try
        {
            if (_snapshotPosition < keep)
                await SnapshotNow();
        }
        catch (LogFullException full)
        {
            // What could go stays until there is room to write down what it held.
            _host.Report($"Topic {_topic.Name}, partition {Number}: nothing is given back while no snapshot can be written: {full.Message}");
            return;
        }

        keep = Math.Min(keep, _olderSnapshotPosition);
        await _log.TrimBefore(keep);
        _index.TrimBefore(_log.Start);
        _reader.ForgetPlaces();
    }

    private void SnapshotIfDue()
    {
        if (_snapshotting || _state.Position - _snapshotPosition < Math.Max(_host.SnapshotBytes, 4 * _snapshotBytes))
            return;
        _snapshotting = true;
        SnapshotInBackground();
    }

    private async void SnapshotInBackground()
    {
        try
        {
            await SnapshotNow();
        }
        catch (MqException)
        {
            // The partition stopped, and said why.
        }
        catch (LogFullException full)
        {
            _host.Report($"Topic {_topic.Name}, partition {Number}: no snapshot was saved: {full.Message} The next start replays more.");
        }
        catch (ObjectDisposedException)
        {
            // It was closed meanwhile.
        }
        catch (StorageException error)
        {
            Post(() => Stop(error));
        }
        finally
        {
            Post(() => _snapshotting = false);
        }
    }

    /// <summary>Saves the state as it is now, once everything it says is durable.</summary>
    /// <param name="atLeast">Only if there are so many bytes behind the snapshot before.</param>
    private async Task SnapshotNow(long atLeast = 1)
    {
        await _snapshotGate.WaitAsync();
        NativeBytes? bytes = null;
        try
        {
            var position = await Ask(ReleaseLevel.Durable, (state, frames, _) =>
            {
                var end = frames.Close();
                if (end - _snapshotPosition >= atLeast)
                    state.Save(bytes = new NativeBytes(4 << 10));
                return end;
            });
            if (bytes is null)
                return;
            await _log.SaveSnapshot(position, bytes.Written);
            _snapshotBytes = bytes.Written.Length;
            (_olderSnapshotPosition, _snapshotPosition) = (_snapshotPosition, position);
            _olderIsKnown = true;
        }
        finally
        {
            (bytes as IDisposable)?.Dispose();
            _snapshotGate.Release();
        }
    }
}
