using OrleansMq.Records;

namespace OrleansMq;

/// <summary>
/// A producer's batches for one partition, and which of them goes next. It decides and never waits: calls, clocks and locks are the
/// <see cref="Producer"/>'s, under whose lock everything here happens.
/// </summary>
/// <remarks>
/// Batches get their sequence when they are first sent. After a failure nothing more is sent until all calls in flight have come back; then
/// what is unfinished is sent again in order, the first alone until it succeeds. A batch that is refused for good has left nothing behind, so
/// those after it take its sequence over. Where an earlier sending of one of them may still arrive, its old number could be mistaken for
/// another's: then the partition goes on under a new producer id.
/// </remarks>
internal sealed class ProducerPartition(int partition, ProducerOptions options, int maxBatchBytes, ProducerIdentity identity)
{
    private const int MaxSequence = int.MaxValue;

    // A record's length field, and its deltas in another batch.
    private const int RecordOverhead = 40;

    // Sent at least once and unfinished, in order. At most MaxInFlight, more only after a split.
    private readonly List<ProducerBatch> _window = [];

    // Certainly not stored, because the topic grew; sent elsewhere when all that may be stored has its answer.
    private readonly List<ProducerBatch> _outgrown = [];

    // Full or flushed, never sent, in order.
    private readonly Queue<ProducerBatch> _closed = new();

    // Takes the next message; null or not empty.
    private ProducerBatch? _open;

    // For batches without a sequence yet.
    private ProducerIdentity _identity = identity;
    private int _nextSequence;

    // Something was stored under the present id. Before, the broker takes whatever arrives first for the producer's beginning, and what
    // should have come before it for old: nothing may overtake the first batch.
    private bool _isKnown;

    private int _inFlight;

    // Batches sent so far, repetitions not counted.
    private long _turns;

    // A failure was seen: nothing is sent before _inFlight is 0 and the time has come.
    private bool _recovering;
    private long _retryAt;

    // Failures since the last success.
    private int _failures;

    // A single message was refused because the topic takes no more: whole batches needn't be tried message by message.
    private bool _admissionClosed;

    public int Partition => partition;

    /// <summary>It is among those to be pumped.</summary>
    public bool IsStirred { get; set; }

    /// <summary>Somebody is sending: who changes something needn't.</summary>
    public bool Pumping { get; set; }

    /// <summary>The old producer id is used up; nothing new is sent before <see cref="Renew"/>.</summary>
    public bool NeedsIdentity { get; private set; }

    /// <summary>Somebody asks for the new id.</summary>
    public bool Renewing { get; set; }

    public ITimer? Timer { get; set; }

    public IEnumerable<ProducerBatch> Unfinished => _open is null ? [.. _outgrown, .. _window, .. _closed] : [.. _outgrown, .. _window, .. _closed, _open];

    /// <summary>Something was sent that would go elsewhere now, and may be stored here.</summary>
    public bool IsUndecided => _window.Exists(batch => batch.IsChosen);

    /// <summary>Adds it to the batch that gathers, behind a full one where it doesn't fit.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.BatchTooLarge"/>: what stays together is larger than a batch of the topic.</exception>
    public void Add(in Outgoing outgoing, long nowMs, long lingerUntil, Func<RecordBatchBuilder> builder)
    {
        if (outgoing.Together is null)
        {
            Append(outgoing, new Room(outgoing.Size, 1));
            return;
        }

        if (outgoing.Size + RecordBatch.HeaderSize > maxBatchBytes)
            throw new MqException(ErrorCodes.BatchTooLarge, $"The {outgoing.Together.Length} messages that stay together have about {outgoing.Size} bytes; a batch of the topic has at most {maxBatchBytes}.");
        var room = new Room(outgoing.Size, outgoing.Together.Length);
        foreach (var each in outgoing.Together)
            Append(each, room);

        void Append(in Outgoing each, Room room)
        {
            var open = Open(each.Pending, room, each.Size, each.Message.Half is not null, lingerUntil, builder);
            MessageCodec.Append(open.Records, each.Message, nowMs);
            open.Rich |= MessageCodec.IsRich(each.Message);
        }
    }

    /// <summary>Adds a message that was in another batch.</summary>
    /// <param name="buffered">What it takes of the producer's buffer.</param>
    /// <returns>The batch that it is in now.</returns>
    public ProducerBatch Add(RecordView record, PendingMessage pending, ProducerBatch from, long buffered, Func<RecordBatchBuilder> builder)
    {
        // What stays with it is in the same batch: there is room for all where there is room for that batch.
        var room = from.StaysTogether ? new Room(from.Bytes.Length, from.Messages.Count) : new Room(record.Size + RecordOverhead, 1);
        var open = Open(pending, room, buffered, from.IsHalf, from.LingerUntil, builder);
        open.Records.Append(record);
        open.Rich |= from.Rich;
        open.FailedSince ??= from.FailedSince;
        return open;
    }

    /// <summary>What a message, and those that stay with it, need in a batch.</summary>
    private readonly record struct Room(int Bytes, int Messages);

    /// <summary>The batch that gathers, with room for the message and those that stay with it.</summary>
    private ProducerBatch Open(PendingMessage pending, Room room, long buffered, bool half, long lingerUntil, Func<RecordBatchBuilder> builder)
    {
        if (_open is not null && !pending.StaysWithLast && (_open.Records.ByteCount + room.Bytes > Math.Min(options.BatchBytes, maxBatchBytes) || _open.Messages.Count + room.Messages > options.BatchMessages || _open.IsHalf != half))
            Close();
        _open ??= new ProducerBatch(builder(), lingerUntil);
        _open.Messages.Add(pending);
        _open.StaysTogether |= pending.StaysWithLast;
        _open.IsHalf = half;
        _open.IsChosen |= pending.Choice != ChoiceKind.Named;
        _open.BufferedBytes += buffered;
        return _open;
    }

    /// <summary>What has gathered needn't linger.</summary>
    public void Close()
    {
        if (_open is null)
            return;
        _open.Close();
        _closed.Enqueue(_open);
        _open = null;
    }

    /// <summary>The next batch to be sent, marked as in flight, or null.</summary>
    /// <param name="growing">Only what was sent before goes again, until it is known where the rest belongs.</param>
    /// <param name="wakeAt">When to ask again where only time is missing.</param>
    public ProducerBatch? Next(long now, bool growing, out long? wakeAt)
    {
        wakeAt = null;
        if (_recovering)
        {
            if (_inFlight > 0)
                return null;
            if (now < _retryAt)
            {
                wakeAt = _retryAt;
                return null;
            }

            _recovering = false;
        }

        // While it fails, one at a time: the others would fail with it.
        if (_inFlight >= (_failures > 0 || !_isKnown ? 1 : options.MaxInFlight))
            return null;
        var index = _window.FindIndex(batch => !batch.InFlight);
        if (index < 0 && !growing && HasTurn && TakeNew(now, out wakeAt) is { } fresh)
        {
            index = _window.Count;
            fresh.Order = fresh.Turn = _turns++;
            _window.Add(fresh);
        }

        return index >= 0 && Place(index) ? Depart(index) : null;
    }

    // The broker must still remember the oldest one when it is sent again, however many behind it were quicker.
    private bool HasTurn => _window.Count == 0 || _turns - _window[0].Turn < options.MaxInFlight;

    private ProducerBatch? TakeNew(long now, out long? wakeAt)
    {
        wakeAt = null;
        if (_closed.TryDequeue(out var closed))
            return closed;
        if (_open is null)
            return null;
        var lingers = options.Linger > TimeSpan.Zero;
        if (lingers && now < _open.LingerUntil)
        {
            wakeAt = _open.LingerUntil;
            return null;
        }

        if (!lingers && _window.Count > 0)
            return null;
        Close();
        return _closed.Dequeue();
    }

    /// <summary>Gives the batch its sequence. Not under a new id while one under the old is unfinished: it could pass it.</summary>
    private bool Place(int index)
    {
        var batch = _window[index];
        if (batch.Sequence is not null)
            return true;
        if (NeedsIdentity || _window.Take(index).Any(before => before.Sequence is { } placed && placed.Id != _identity.Id))
            return false;
        batch.Sequence = new ProducerSequence(_identity.Id, _identity.Epoch, _nextSequence);
        _nextSequence = (int)(((long)_nextSequence + batch.Messages.Count) & MaxSequence);
        return true;
    }

    private ProducerBatch Depart(int index)
    {
        var batch = _window[index];
        batch.InFlight = true;
        batch.SentAsFirst = index == 0;
        _inFlight++;
        return batch;
    }

    public void Succeeded(ProducerBatch batch)
    {
        Arrive(batch);
        _window.Remove(batch);
        _failures = 0;
        _isKnown |= batch.Sequence?.Id == _identity.Id;
    }

    /// <summary>Sends it again later, and all that is behind it.</summary>
    public void Retry(ProducerBatch batch, Exception failure, long now, Func<int, TimeSpan> backoff, Func<TimeSpan, long> ticks)
    {
        Arrive(batch);
        // Where its number was taken back meanwhile, it may still arrive under it.
        if (Failure.IsOutcomeUnknown(failure) && batch.Sequence is null)
            NeedsIdentity = true;
        else
            batch.MayArriveLate |= Failure.IsOutcomeUnknown(failure);
        batch.FailedSince ??= now;
        _recovering = true;
        _retryAt = Math.Max(_retryAt, now + ticks(backoff(++_failures)));
    }

    /// <summary>The broker misses a batch before it. Where that is one of ours, both are sent again in order.</summary>
    /// <returns>False: none of ours is missing, so what the broker knew of this producer is lost, and it needs a new id.</returns>
    public bool TryFollowGap(ProducerBatch batch, long now, Func<int, TimeSpan?, TimeSpan> backoff, Func<TimeSpan, long> ticks)
    {
        Arrive(batch);
        _recovering = true;
        if (!batch.SentAsFirst || batch.Sequence is null)
            return true;
        _retryAt = Math.Max(_retryAt, now + ticks(backoff(++_failures, null)));
        foreach (var each in _window)
            Unplace(each);
        NeedsIdentity = true;
        return false;
    }

    /// <summary>Takes a batch out that was refused for good, and gives its place to those behind it.</summary>
    public void Refused(ProducerBatch batch, Exception why)
    {
        Arrive(batch);
        if (batch.Messages.Count == 1 && Failure.CodeOf(why) == ErrorCodes.AdmissionClosed)
            _admissionClosed = true;
        GivePlaceAway(batch, _window.IndexOf(batch) + 1);
        _window.Remove(batch);
    }

    /// <summary>Takes a batch out that was refused because the topic has grown: neither it nor those behind it that are chosen alike can come in here any more.</summary>
    public void Outgrown(ProducerBatch batch)
    {
        Arrive(batch);
        GivePlaceAway(batch, _window.IndexOf(batch) + 1, outgrown: true);
        _window.Remove(batch);
        _outgrown.Add(batch);
    }

    /// <summary>What is to be chosen anew, in order; it is not here any more.</summary>
    public List<ProducerBatch> TakeUnsent()
    {
        Close();
        List<ProducerBatch> unsent = [.. _outgrown.OrderBy(batch => batch.Order), .. _closed];
        _outgrown.Clear();
        _closed.Clear();
        return unsent;
    }

    /// <summary>Whether a part of the batch may be taken where the whole is refused.</summary>
    public bool IsWorthSplitting(ProducerBatch batch, Exception why) =>
        batch.Cut is not null && (Failure.CodeOf(why) is ErrorCodes.MessageTooLarge or ErrorCodes.BatchTooLarge
            || (Failure.CodeOf(why) is ErrorCodes.AdmissionClosed && !_admissionClosed));

    public void Split(ProducerBatch batch)
    {
        Arrive(batch);
        var index = _window.IndexOf(batch);
        GivePlaceAway(batch, index + 1);
        var (first, second) = batch.Split();
        _window[index] = first;
        _window.Insert(index + 1, second);
    }

    /// <summary>A new producer id, whose order begins at 0.</summary>
    public void Renew(ProducerIdentity identity)
    {
        _identity = identity;
        _isKnown = false;
        _nextSequence = 0;
        NeedsIdentity = Renewing = false;
    }

    /// <summary>Everything that is unfinished, taken out.</summary>
    public List<ProducerBatch> Abandon()
    {
        List<ProducerBatch> all = [.. Unfinished];
        _outgrown.Clear();
        _window.Clear();
        _closed.Clear();
        _open = null;
        Timer?.Dispose();
        return all;
    }

    private void Arrive(ProducerBatch batch)
    {
        batch.InFlight = false;
        _inFlight--;
    }

    private void GivePlaceAway(ProducerBatch refused, int behind, bool outgrown = false)
    {
        _recovering = true;
        var place = refused.Sequence;
        var late = refused.MayArriveLate && !outgrown;
        foreach (var batch in _window.Skip(behind))
        {
            // One still in flight comes back before anything is sent, as a gap; only one that nobody heard of since can come later.
            // Where the topic has grown, not even then.
            late |= batch.MayArriveLate && !(outgrown && batch.IsChosen);
            Unplace(batch);
        }

        if (late)
            NeedsIdentity = true;
        else if (place is { } free && free.Id == _identity.Id)
            _nextSequence = free.Sequence;
    }

    private static void Unplace(ProducerBatch batch)
    {
        batch.Sequence = null;
        batch.MayArriveLate = false;
    }
}
