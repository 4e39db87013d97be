using Orleans.Streams;

namespace OrleansMq.Streaming;

/// <summary>Which streams there are, and where their cursors begin.</summary>
internal sealed partial class PartitionFeed
{
    /// <summary>Streams remembered; beyond, those that nobody reads are forgotten. About 200 bytes each.</summary>
    private const int MaxEntries = 100_000;

    // By message key as it stands in the log, and by name: several keys may mean one stream.
    private readonly Dictionary<byte[], StreamEntry?> _byKey = new(KeyBytes.Comparer);
    private readonly Dictionary<StreamId, StreamEntry> _byName = [];
    private readonly HashSet<StreamEntry> _freshEntries = [];

    // Streams first seen from now on are known from here on.
    private long _knownFrom;

    private Dictionary<StreamId, StreamEntry>.ValueCollection Entries => _byName.Values;

    private StreamCursor OpenCursor(StreamId stream, StreamSequenceToken? token)
    {
        var entry = EntryOf(stream);
        var isGone = token is OrleansMqSequenceToken given && given.TopicId != _topicId && given.TopicId != Guid.Empty && _topicId != Guid.Empty;
        var isForeign = isGone || (token is OrleansMqSequenceToken mine && mine.Partition != _partition);
        // Whoever had events of a topic that is gone has none of this one.
        var start = token is null ? Math.Max(_head, _floor) : isGone ? 0 : isForeign ? FirstHeld(entry) : Math.Max(0, token.SequenceNumber);
        var isWakeUp = token is OrleansMqSequenceToken { IsWakeUp: true };
        var cursor = new StreamCursor(this, entry, start, token is null || isForeign || isWakeUp ? -1 : start, isForeign ? token : null, isWakeUp);
        if (entry.Cursors.Find(other => other.From <= start) is { } sibling)
            cursor.CopyFrom(sibling);
        else if (entry.Fresh is { } fresh && fresh[0].Offset <= start)
            cursor.CopyFrom(fresh);
        else
            cursor.IsLive = start >= _head || entry.HasNothingFrom(start);
        entry.Cursors.Add(cursor);
        entry.Left.RemoveAll(place => place.Offset >= start);
        if (!cursor.IsLive)
        {
            _behind.Add(cursor);
            _stirred.TrySetResult();
        }

        IsDirty = true;
        return cursor;
    }

    /// <summary>The agent lets go of a cursor: another takes its place, the subscription is gone, or the agent itself stops.</summary>
    /// <param name="wasUsed">Whether the agent ever asked it for something. If not, it held a place for those who were to come.</param>
    public void Close(StreamCursor cursor, long? unsettled, long bytes, bool wasUsed)
    {
        var entry = cursor.Entry;
        entry.Cursors.Remove(cursor);
        _behind.Remove(cursor);
        Account(-bytes);
        IsDirty = true;
        var offset = unsettled ?? long.MaxValue;
        if (entry.Cursors.Exists(TakesOver) || (unsettled is null && cursor.Subscription is null))
            return;
        entry.Left.Add(new LeftPlace(cursor.Subscription ?? Guid.Empty, offset, Now + Ticks(LeftPlaceGrace)));
        _left.Add(entry);
        if (unsettled is not null)
        {
            // It may be that the agent has forgotten the stream: it is to come for the place before that lapses.
            Tell(entry);
            _stirred.TrySetResult();
        }

        bool TakesOver(StreamCursor other) => other.Start <= offset
            && (!wasUsed || other.Subscription == cursor.Subscription || (other.Subscription is null && other.FirstUnsettled <= offset));
    }

    /// <summary>For a token of another partition: all that is held here of the stream is news to whoever has it.</summary>
    private long FirstHeld(StreamEntry entry) => entry.FirstUnsettled ?? _head;

    // Called before the agent polls again: whoever wanted what was fresh has a cursor by now.
    private void ForgetFresh()
    {
        foreach (var entry in _freshEntries)
            entry.Fresh = null;
        _freshEntries.Clear();
        if (_byKey.Count > MaxEntries)
            ForgetUnread();
    }

    private void ForgetUnread()
    {
        foreach (var (key, entry) in _byKey)
            if (entry is null or { Cursors.Count: 0, Left.Count: 0 })
                _byKey.Remove(key);
        foreach (var (name, entry) in _byName)
            if (entry is { Cursors.Count: 0, Left.Count: 0 })
                _byName.Remove(name);
        _knownFrom = _head;
    }

    private StreamEntry EntryOf(StreamId stream)
    {
        if (!_byName.TryGetValue(stream, out var entry))
            _byName[stream] = entry = new StreamEntry(stream, _knownFrom);
        return entry;
    }

    /// <returns>Null where the key names no stream.</returns>
    private StreamEntry? EntryOf(ReadOnlySpan<byte> key)
    {
        var byKey = _byKey.GetAlternateLookup<ReadOnlySpan<byte>>();
        if (!byKey.TryGetValue(key, out var entry))
            byKey[key] = entry = _codec.Keys.TryRead(key, out var stream) ? EntryOf(stream) : null;
        return entry;
    }

    private bool TryFindEntry(StreamId stream, out StreamEntry entry) => _byName.TryGetValue(stream, out entry!);

    // A key that was not met yet may be another way to write a stream that was.
    private bool TryFindEntry(ReadOnlySpan<byte> key, out StreamEntry entry)
    {
        entry = null!;
        if (_byKey.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out var known))
            return (entry = known!) is not null;
        return _codec.Keys.TryRead(key, out var stream) && _byName.TryGetValue(stream, out entry!);
    }
}
