using Microsoft.Extensions.Logging;

namespace OrleansMq.Streaming;

/// <summary>Where everybody is: loaded when the partition is taken over, stored while it is held.</summary>
internal sealed partial class PartitionFeed
{
    /// <summary>
    /// How long a place stays taken whose cursor was let go of with events unsettled. By then the agent has opened another, or the subscription is gone.
    /// </summary>
    private static readonly TimeSpan LeftPlaceGrace = TimeSpan.FromSeconds(15);

    private readonly HashSet<StreamEntry> _left = [];

    // Below the floor of the last owner's progress, only those that were behind are given anything, each from its place on.
    private readonly Dictionary<StreamId, long> _behindBefore = [];
    private readonly Dictionary<(StreamId, Guid), long> _placesBefore = [];
    private long _floor;

    // What is read is read by it; empty where the broker tells none.
    private Guid _topicId;
    private bool _isTopicGone;
    private bool _isOpen;
    private bool _mustFindStart;
    private Task? _saving;
    private long _nextSave;

    /// <summary>Something was settled or read since progress was stored.</summary>
    public bool IsDirty { get; set; }

    private bool IsSaving => _saving is { IsCompleted: false };

    /// <summary>Whether a subscription had settled a batch before the last owner of the partition stopped.</summary>
    public bool WasSettledBefore(StreamCursor cursor, StreamBatch batch, Guid subscription)
    {
        if (!cursor.IsRegistration || batch.Events.Count == 0 || batch.Events[0].Offset >= _floor || !_placesBefore.TryGetValue((batch.StreamId, subscription), out var place))
            return false;
        if (batch.Events[^1].Offset >= place)
            return false;
        cursor.SkipTo(place);
        return true;
    }

    /// <summary>Whether an event must not be joined with later ones, because its subscription may have settled it and not them.</summary>
    public bool MustGoAlone(StreamCursor cursor, long offset) => cursor.IsRegistration && offset < _floor && _behindBefore.ContainsKey(cursor.Entry.Stream)
        && (cursor.Subscription is not { } subscription || (_placesBefore.TryGetValue((cursor.Entry.Stream, subscription), out var place) && offset < place));

    /// <summary>Whether some subscription of the stream had not settled an event below the floor.</summary>
    private bool WasBehind(StreamEntry entry, long offset) => _behindBefore.TryGetValue(entry.Stream, out var from) && offset >= from;

    private async ValueTask<bool> TryOpen(CancellationToken cancel)
    {
        if (_isOpen && !_mustFindStart)
            return true;
        if (Now < _readAgainAt)
            return false;
        try
        {
            if (!_isOpen)
                await Load(cancel);
            if (_mustFindStart)
                await FindStart(cancel);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _readAgainAt = Now + Ticks(ReadRetryDelay);
            _logger.LogWarning(e, "Partition {Partition} of {Topic} can't be opened for streams of {Provider}; it is tried again", _partition, _topic.Name, _provider);
            return false;
        }
    }

    private async Task Load(CancellationToken cancel)
    {
        await _topic.Prepare(Options.FromEarliest ? StartAt.Earliest : StartAt.Latest);
        _topicId = await _topic.Identify(gone: null, cancel);
        var progress = await _progress.Load(cancel);
        (_head, _floor, _knownFrom) = (progress.Low, progress.Floor, progress.Low);
        foreach (var place in progress.Behind)
        {
            if (!_codec.Keys.TryRead(place.Key, out var stream))
                continue;
            _behindBefore[stream] = Math.Min(place.Offset, _behindBefore.GetValueOrDefault(stream, long.MaxValue));
            if (place.Subscription != Guid.Empty)
                _placesBefore[(stream, place.Subscription)] = Math.Min(place.Offset, _placesBefore.GetValueOrDefault((stream, place.Subscription), long.MaxValue));
        }

        _isOpen = _mustFindStart = true;
        _nextKeepAlive = Now + Ticks(_keepAlive);
    }

    /// <summary>What retention took away can't be read: those who were to read it go on behind it.</summary>
    private async Task FindStart(CancellationToken cancel)
    {
        var id = _isTopicGone ? await _topic.Identify(_topicId, cancel) : _topicId;
        var end = await _topic.Broker.FindOffset(_topic.Name, _partition, StartAt.Latest, cancel);
        if (_head > end || id != _topicId)
            await GoBack(end, cancel);
        var start = await _topic.Broker.FindOffset(_topic.Name, _partition, StartAt.Earliest, cancel);
        _mustFindStart = _isTopicGone = false;
        foreach (var cursor in _behind)
            cursor.To = Math.Max(cursor.To, start);
        if (_head >= start)
            return;
        _logger.LogWarning("Messages {From} to {To} of partition {Partition} of {Topic} were removed before streams of {Provider} had read them", _head, start - 1, _partition, _topic.Name, _provider);
        StreamDiagnostics.Skip(_topic.Name, start - _head);
        _head = start;
    }

    /// <summary>
    /// Another log is there: its topic was made anew, or it lost what was never flushed. All that it holds from the group's place on is news to everybody; a group
    /// that is missing with its topic begins with the first message, as do we in a topic of another id: what the group says there, one of us may have stored who did not know.
    /// </summary>
    private async Task GoBack(long end, CancellationToken cancel)
    {
        // One that is being stored speaks of the log that is gone.
        if (_saving is { } saving)
            await saving.WaitAsync(cancel);
        await _topic.Prepare(StartAt.Earliest);
        var id = await _topic.Identify(_isTopicGone ? _topicId : null, cancel);
        var low = (await _progress.Load(cancel)).Low;
        var to = id == _topicId ? Math.Min(end, low) : 0;
        (_topicId, _headFrom, _behindFrom) = (id, -1, -1);
        _logger.LogWarning("Partition {Partition} of {Topic} ends at {End}, and streams of {Provider} had read up to {Head}: it was made anew, or lost what was not flushed; they go on at {To}", _partition, _topic.Name, end, _provider, _head, to);
        (_head, _floor, _knownFrom, IsDirty) = (to, to, to, true);
        _behindBefore.Clear();
        _placesBefore.Clear();
        foreach (var entry in Entries)
        {
            entry.GoBackTo(to);
            foreach (var cursor in entry.Cursors)
                if (cursor.GoBackTo(to))
                    _behind.Add(cursor);
        }
    }

    private void SaveWhenDue()
    {
        if (!IsDirty || IsSaving || Now < _nextSave)
            return;
        _nextSave = Now + Ticks(Options.CheckpointInterval);
        IsDirty = false;
        // A place that lapses later is something to store again.
        IsDirty = _left.Count > 0;
        foreach (var entry in _left)
            if (entry.Left.RemoveAll(place => place.Until <= Now) >= 0 && entry.Left.Count == 0)
                _left.Remove(entry);
        _saving = Save(Places(), _closing.Token);
    }

    private async Task Save(StreamProgress progress, CancellationToken cancel)
    {
        try
        {
            await _progress.Save(progress, cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            IsDirty = true;
            _logger.LogWarning(e, "Progress of partition {Partition} of {Topic} can't be stored for streams of {Provider}; it is tried again", _partition, _topic.Name, _provider);
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task SaveLast(TimeSpan timeout)
    {
        if (!_isOpen)
            return;
        using var late = new CancellationTokenSource(timeout, _time);
        if (_saving is { } saving)
            await saving.WaitAsync(late.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        if (!IsSaving)
            await Save(Places(), late.Token);
    }

    private StreamProgress Places()
    {
        var floor = Math.Max(_head, _floor);
        var places = new List<StreamPlace>();
        foreach (var entry in Entries)
            if (entry.FirstUnsettled is { } lowest && lowest < floor)
                AddPlaces(entry, floor, places);
        if (_head < _floor)
            AddUnread(places);
        return new StreamProgress(floor, places);
    }

    private void AddPlaces(StreamEntry entry, long floor, List<StreamPlace> places)
    {
        // Whoever has settled all that it was given is at the head; below an old floor that says nothing of what is still to be read for it.
        var key = _codec.Keys.Write(entry.Stream);
        foreach (var cursor in entry.Cursors)
            if (cursor.Subscription is not null || cursor.FirstUnsettled < floor)
                places.Add(new StreamPlace(key, cursor.Subscription ?? Guid.Empty, cursor.FirstUnsettled ?? _head));
        foreach (var left in entry.Left)
            if (left.Subscription != Guid.Empty || left.Offset < floor)
                places.Add(new StreamPlace(key, left.Subscription, Math.Min(_head, left.Offset)));
        if (entry.Fresh is { } fresh)
            places.Add(new StreamPlace(key, Guid.Empty, fresh[0].Offset));
    }

    /// <summary>Whoever was behind the floor, and has not been read for so far, still is.</summary>
    private void AddUnread(List<StreamPlace> places)
    {
        foreach (var (stream, offset) in _behindBefore)
            places.Add(new StreamPlace(_codec.Keys.Write(stream), Guid.Empty, Math.Max(offset, _head)));
        foreach (var ((stream, subscription), offset) in _placesBefore)
            if (offset >= _head)
                places.Add(new StreamPlace(_codec.Keys.Write(stream), subscription, offset));
    }
}
