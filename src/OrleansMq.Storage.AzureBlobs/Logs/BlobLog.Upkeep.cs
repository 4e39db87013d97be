using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Blobs;
using OrleansMq.Storage.AzureBlobs.Formats;

namespace OrleansMq.Storage.AzureBlobs.Logs;
/// <summary>Cutting, trimming and snapshots. The manifest moves first; a blob that it does not name belongs to nobody.</summary>
internal sealed partial class BlobLog
{
    private const int SnapshotsKept = 2;

    /// <summary>An append blob can't be cut: the manifest says where it ends from now on, and the next append begins another.</summary>
    public async ValueTask Cut(long position)
    {
        ThrowIfOver();
        await _writing.WaitAsync();
        try
        {
            await CommitWhileWriting(End);
            var (start, end) = (Start, End);
            if (position < start || position > end)
                throw new ArgumentOutOfRangeException(nameof(position), position, $"The log goes from {start} to {end}.");
            if (position < end)
                await Upkeep(() => CutDuringUpkeep(position));
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task CutDuringUpkeep(long position)
    {
        var before = _manifest.Current;
        await _manifest.Replace(
            manifest => manifest with
            {
                ClosedAt = position,
                Segments = [.. manifest.Segments.Where(segment => segment.Position <= position)],
                Snapshots = [.. manifest.Snapshots.Where(snapshot => snapshot.Position <= position)],
            },
            ThrowIfOver);
        _tail = null;
        lock (_listing)
        {
            _segments = _manifest.Current.Segments;
            _closedAt = position;
            _end = _durable = position;
            _rollAt = -1;
            Changed();
        }
        await RemoveUnnamed(before);
    }

    public ValueTask TrimBefore(long position) => new(Upkeep(async () =>
    {
        var before = _manifest.Current;
        var count = 0;
        while (count + 1 < before.Segments.Count && before.Segments[count + 1].Position <= position)
            count++;
        if (count == 0)
            return;
        var start = before.Segments[count].Position;
        await _manifest.Replace(
            manifest => manifest with
            {
                Segments = [.. manifest.Segments.Skip(count)],
                // What to replay from one before the start is gone.
                Snapshots = [.. manifest.Snapshots.Where(snapshot => snapshot.Position >= start)],
            },
            ThrowIfOver);
        ShowManifest();
        await RemoveUnnamed(before);
        await RemoveStrays();
    }));

    public ValueTask SaveSnapshot(long position, ReadOnlyMemory<byte> state) => new(Upkeep(async () =>
    {
        lock (_listing)
        {
            if (position < _segments[0].Position || position > _durable)
                throw new ArgumentOutOfRangeException(nameof(position), position, $"A snapshot stands between the log's start {_segments[0].Position} and what is durable, {_durable}.");
        }
        var before = _manifest.Current;
        var piece = new BlobPiece(position, Epoch, before.Sequence + 1);
        await PutSnapshot(_place.SnapshotName(before, piece), SnapshotBlob.Encode(before.Identity, position, state.Span));
        await _manifest.Replace(
            manifest => manifest with { Snapshots = [.. manifest.Snapshots.Where(other => other.Position < position).TakeLast(SnapshotsKept - 1), piece] },
            ThrowIfOver);
        ShowManifest();
        await RemoveUnnamed(before);
    }));

    /// <summary>The name was never used before: what is there, an attempt of ours put there.</summary>
    private async Task PutSnapshot(string name, byte[] bytes)
    {
        var attempt = _place.Attempts.Begin($"writing {name}", ThrowIfOver);
        while (true)
        {
            try
            {
                await attempt.Try(cancel => _place.Blobs.Put(name, bytes, null, cancel));
                return;
            }
            catch (BlobFault fault) when (fault.Kind == BlobFaultKind.Refused)
            {
                throw attempt.Refused(fault);
            }
            catch (BlobFault fault)
            {
                if (await _place.Attempts.Repeat($"looking at {name}", cancel => _place.Blobs.Get(name, cancel), ThrowIfOver) is not null)
                    return;
                await attempt.Wait(fault);
            }
        }
    }

    /// <summary>The newest that reads back. One beyond the log's end proves that durable bytes are missing.</summary>
    private static async Task<LogSnapshot?> FindSnapshot(LogPlace place, LogManifest manifest, long end)
    {
        foreach (var piece in manifest.Snapshots.Reverse())
        {
            var name = place.SnapshotName(manifest, piece);
            if (piece.Position > end)
                throw new LogDamagedException($"{name}: the snapshot was taken at position {piece.Position}, but the log ends at {end}: bytes that were durable are missing.");
            var blob = await place.Attempts.Repeat($"reading {name}", cancel => place.Blobs.Get(name, cancel));
            if (blob is not null && SnapshotBlob.Decode(blob.Bytes, manifest.Identity, piece.Position) is { } snapshot)
                return snapshot;
            place.Notify($"{name}: the snapshot does not read back as written; the one before it is used.");
        }
        return null;
    }

    private async Task<LogSnapshot?> ReadNewestSnapshot()
    {
        await _upkeep.WaitAsync();
        try
        {
            ThrowIfOver();
            return await FindSnapshot(_place, _manifest.Current, End);
        }
        finally
        {
            _upkeep.Release();
        }
    }

    private async Task Upkeep(Func<Task> job)
    {
        ThrowIfOver();
        await _upkeep.WaitAsync();
        try
        {
            ThrowIfOver();
            await job();
        }
        catch (StorageException reason)
        {
            throw Ended(reason);
        }
        finally
        {
            _upkeep.Release();
        }
    }

    /// <summary>Removes what the manifest named before and names no more.</summary>
    private async Task RemoveUnnamed(LogManifest before)
    {
        var now = _manifest.Current;
        foreach (var segment in before.Segments.Except(now.Segments).Where(segment => segment.IsMade))
            await RemoveIfPossible(_place.SegmentName(before, segment));
        foreach (var snapshot in before.Snapshots.Except(now.Snapshots))
            await RemoveIfPossible(_place.SnapshotName(before, snapshot));
    }

    /// <summary>
    /// Removes what a cut-off roll, snapshot or removal left. Of this epoch or an older one, and not in the manifest: nobody can name it any more, for the manifest is this
    /// opening's, and this opening is here. A newer opening's is left alone.
    /// </summary>
    private async Task RemoveStrays()
    {
        var current = _manifest.Current;
        var named = current.Segments.Select(segment => _place.SegmentName(current, segment)).Concat(current.Snapshots.Select(snapshot => _place.SnapshotName(current, snapshot))).ToHashSet();
        if (_rewriting is { IsOver: false } underWay)
            named.Add(underWay.Name);
        var folder = _place.Names.Log(Id);
        try
        {
            var found = await _place.Attempts.Repeat($"listing {folder}", cancel => _place.Blobs.List(folder, cancel), ThrowIfOver);
            foreach (var name in found)
                if (!named.Contains(name) && BlobNames.TryParseEpoch(name, out var epoch) && epoch <= Epoch)
                    await RemoveIfPossible(name);
        }
        catch (LogFailedException why)
        {
            _place.Notify($"{_place}: what is left over could not be looked for: {why.Message} It costs space until the next trim.");
        }
    }

    /// <summary>It costs space where it stays, and no truth depends on it.</summary>
    private async Task RemoveIfPossible(string name)
    {
        try
        {
            await _place.Attempts.Repeat($"removing {name}", async cancel =>
            {
                await _place.Blobs.Delete(name, cancel);
                return true;
            }, ThrowIfOver);
        }
        catch (LogFailedException why)
        {
            _place.Notify($"{name} could not be removed: {why.Message} It costs space until the next trim.");
        }
    }
}
