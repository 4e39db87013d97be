namespace OrleansMq;

// From the batches to the broker and back.
public sealed partial class Producer
{
    /// <summary>Under the lock.</summary>
    private void Stir(ProducerPartition partition)
    {
        if (partition.IsStirred)
            return;
        partition.IsStirred = true;
        _stirred.Enqueue(partition);
    }

    private void PumpStirred()
    {
        while (true)
        {
            ProducerPartition? partition;
            lock (_sync)
            {
                if (!_stirred.TryDequeue(out partition))
                    return;
                partition.IsStirred = false;
            }

            Pump(partition);
        }
    }

    /// <summary>Leaves the caller first, so that it can go on sending.</summary>
    private async Task PumpSoon()
    {
        await Task.Yield();
        lock (_sync)
            _pumpIsComing = false;
        PumpStirred();
    }

    /// <summary>Sends what may be sent. One at a time for each partition, so that calls are made in the order of their sequences.</summary>
    private void Pump(ProducerPartition partition)
    {
        lock (_sync)
        {
            if (partition.Pumping)
                return;
            partition.Pumping = true;
        }

        while (Take(partition) is { } batch)
            _ = Deliver(partition, batch);
    }

    private ProducerBatch? Take(ProducerPartition partition)
    {
        bool renew;
        lock (_sync)
        {
            var now = _time.GetTimestamp();
            long? wakeAt = null;
            var batch = _ended is null ? partition.Next(now, _growing, out wakeAt) : null;
            if (batch is not null)
                return batch;
            if (wakeAt is { } at)
                Wake(partition, _time.GetElapsedTime(now, at));
            renew = _ended is null && partition is { NeedsIdentity: true, Renewing: false };
            partition.Renewing |= renew;
            partition.Pumping = false;
        }

        // Not before the pump is free: an answer that is there at once pumps.
        if (renew)
            _ = Renew(partition);
        return null;
    }

    private void Wake(ProducerPartition partition, TimeSpan after)
    {
        // A timer's resolution is a millisecond; never early.
        var due = TimeSpan.FromMilliseconds(Math.Ceiling(after.TotalMilliseconds));
        if (partition.Timer is { } timer)
            timer.Change(due, Timeout.InfiniteTimeSpan);
        else
            partition.Timer = _time.CreateTimer(_ => Pump(partition), null, due, Timeout.InfiniteTimeSpan);
    }

    private async Task Deliver(ProducerPartition partition, ProducerBatch batch)
    {
        try
        {
            var appended = await _broker.Append(new AppendRequest
            {
                Partitions = batch.IsChosen ? _partitions!.Length : null,
                Topic = _topic,
                Partition = partition.Partition,
                Batch = batch.Bytes,
                Rich = batch.Rich,
                Acks = _options.Acks,
                Producer = batch.Sequence,
                Wait = _options.Wait,
                Client = _options.Client,
            }, _closing.Token);
            Stored(partition, batch, appended);
        }
        catch (Exception e)
        {
            Failed(partition, batch, e);
        }

        Pump(partition);
        // Where the answer was the last one before everything is chosen anew, others have something to send too.
        PumpStirred();
    }

    private void Stored(ProducerPartition partition, ProducerBatch batch, in AppendResult appended)
    {
        var (duplicates, refused) = (0, 0);
        var results = new PublishResult[batch.Messages.Count];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = Publishing.ResultOf(partition.Partition, appended, i);
            refused += results[i].Error is null ? 0 : 1;
            duplicates += results[i].Duplicate ? 1 : 0;
        }

        lock (_sync)
        {
            if (_ended is not null)
                return;
            partition.Succeeded(batch);
            ChooseAgainIfReady();
            _statistics = _statistics with
            {
                Stored = _statistics.Stored + results.Length - refused,
                Duplicates = _statistics.Duplicates + duplicates,
                Refused = _statistics.Refused + refused,
                Batches = _statistics.Batches + 1,
            };
            Release(batch);
        }

        for (var i = 0; i < results.Length; i++)
        {
            if (results[i].Error is { } error)
                batch.Messages[i].Refused(new MqException(error), _options.OnRefused);
            else
                batch.Messages[i].Stored(results[i]);
        }

        batch.Finish();
        AdmitWaiting();
    }

    private void Failed(ProducerPartition partition, ProducerBatch batch, Exception e)
    {
        var code = Failure.CodeOf(e);
        if (code == ErrorCodes.ProducerFenced)
        {
            End((MqException)e);
            return;
        }

        if (code == ErrorCodes.SequenceOld && batch.FailedSince is not null)
        {
            // An earlier sending was stored so long ago that the broker has forgotten where.
            Stored(partition, batch, new AppendResult { BaseOffset = -1, Duplicate = true });
            return;
        }

        MqException? refusal = null;
        var mayGoOn = true;
        lock (_sync)
        {
            if (_ended is not null)
                return;
            if (code == ErrorCodes.PartitionsChanged)
                Outgrown(partition, batch);
            else if (code is ErrorCodes.SequenceGap or ErrorCodes.ProducerUnknown)
                mayGoOn = partition.TryFollowGap(batch, _time.GetTimestamp(), _backoff.Delay, Ticks) || _options.Name is null;
            else if (Failure.IsRetriable(e) && !(batch.FailedSince is { } since && IsOver(since)))
                Repeat(partition, batch, e);
            else if (partition.IsWorthSplitting(batch, e))
                partition.Split(batch);
            else
                refusal = Refuse(partition, batch, e);
            // A named producer has only the one id.
            mayGoOn &= _options.Name is null || !partition.NeedsIdentity;
            ChooseAgainIfReady();
        }

        if (refusal is not null)
        {
            foreach (var message in batch.Messages)
                message.Refused(refusal, _options.OnRefused);
            batch.Finish();
            AdmitWaiting();
        }

        if (!mayGoOn)
            End(new MqException(ErrorCodes.SequenceGap,
                $"The order of producer '{_options.Name}' on partition {partition.Partition} of {_topic} can't be continued; open it again. ({e.Message})", inner: e));
    }

    private void Repeat(ProducerPartition partition, ProducerBatch batch, Exception e)
    {
        _statistics = _statistics with { Retries = _statistics.Retries + 1 };
        partition.Retry(batch, e, _time.GetTimestamp(), failures => _backoff.Delay(failures, Failure.RetryAfterOf(e)), Ticks);
    }

    private MqException Refuse(ProducerPartition partition, ProducerBatch batch, Exception e)
    {
        // Once a sending may have done its work, only the broker's own "never stored" would be more than a guess.
        var refusal = batch.MayArriveLate && Failure.IsRetriable(e) ? AsRefusal(e, ErrorCodes.OutcomeUnknown) : AsRefusal(e);
        if (Failure.IsOutcomeUnknown(e))
            batch.MayArriveLate = true;
        partition.Refused(batch, e);
        _statistics = _statistics with { Refused = _statistics.Refused + batch.Messages.Count };
        Release(batch);
        return refusal;
    }

    private async Task Renew(ProducerPartition partition)
    {
        try
        {
            var identity = await Persist(() => _broker.OpenProducer(null, _closing.Token));
            lock (_sync)
                partition.Renew(identity);
            Pump(partition);
        }
        catch (Exception e)
        {
            End(AsRefusal(e));
        }
    }
}
