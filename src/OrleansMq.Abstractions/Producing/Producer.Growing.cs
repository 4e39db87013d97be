using OrleansMq.Records;

namespace OrleansMq;

/// <summary>
/// The topic grew. The first batch that is refused for it stops what is new; what was sent before goes on being sent by the old number, until each of it is known to be stored or
/// to be refused for ever. Only then is all the rest chosen by the new number, in the order in which it was sent: no message of a key passes an earlier one.
/// </summary>
public sealed partial class Producer
{
    // A batch was refused because the topic has grown, and what is new waits.
    private bool _growing;

    // As they were found since; null until there are more partitions in them.
    private TopicSettings? _grown;

    /// <summary>Under the lock.</summary>
    private void Outgrown(ProducerPartition partition, ProducerBatch batch)
    {
        partition.Outgrown(batch);
        if (_growing)
            return;
        _growing = true;
        _ = LearnGrowth(_partitions!.Length);
    }

    /// <summary>Learns the new number: it is told when all partitions know of it.</summary>
    private async Task LearnGrowth(int known)
    {
        // Its caller holds the lock.
        await Task.Yield();
        try
        {
            var settings = await Persist(async () =>
            {
                var now = (await _broker.DescribeTopic(_topic, _closing.Token)).Settings;
                return now.Partitions > known ? now : throw new MqException(ErrorCodes.PartitionUnavailable, $"{_topic} is growing beyond {known} partitions.", _options.RetryDelay);
            });
            lock (_sync)
            {
                _grown = settings;
                ChooseAgainIfReady();
            }

            PumpStirred();
        }
        catch (Exception e)
        {
            RefuseOutgrown(AsRefusal(e));
        }
    }

    /// <summary>Under the lock.</summary>
    private void ChooseAgainIfReady()
    {
        if (!_growing || _grown is not { } settings || _ended is not null || Array.Exists(_partitions!, partition => partition.IsUndecided))
            return;
        var old = _partitions!;
        Know(settings);
        (_growing, _grown) = (false, null);
        foreach (var partition in old)
            foreach (var batch in partition.TakeUnsent())
                ChooseAgain(partition.Partition, batch);
        foreach (var partition in _partitions!)
        {
            // What they hold has waited long enough.
            partition.Close();
            Stir(partition);
        }
    }

    private void ChooseAgain(int partition, ProducerBatch batch)
    {
        HashSet<ProducerBatch> targets = [];
        var index = 0;
        var share = batch.BufferedBytes / batch.Messages.Count;
        var target = _partitions![partition];
        foreach (var record in RecordBatch.ReadExactly(batch.Bytes).Records())
        {
            var pending = batch.Messages[index++];
            if (!pending.StaysWithLast)
                target = _partitions![pending.Choice == ChoiceKind.ByHash ? PartitionChoice.Of(record, _partitions!.Length) : partition];
            var buffered = index == batch.Messages.Count ? batch.BufferedBytes - share * (index - 1) : share;
            targets.Add(target.Add(record, pending, batch, buffered, TakeBuilder));
        }

        _ = FinishBehind(batch, [.. targets.Select(target => target.Finished)]);
    }

    /// <summary>Whoever waits for the batch waits for those that its messages are in now.</summary>
    private static async Task FinishBehind(ProducerBatch batch, Task[] targets)
    {
        foreach (var target in targets)
            await target;
        batch.Finish();
    }

    /// <summary>The topic does not answer, or is gone: what can go nowhere is refused, and what is sent from now on hears it by itself.</summary>
    private void RefuseOutgrown(MqException why)
    {
        List<ProducerBatch> refused = [];
        lock (_sync)
        {
            if (_ended is not null)
                return;
            _growing = false;
            foreach (var partition in _partitions!)
            {
                foreach (var batch in partition.TakeUnsent())
                {
                    refused.Add(batch);
                    _statistics = _statistics with { Refused = _statistics.Refused + batch.Messages.Count };
                    Release(batch);
                }

                Stir(partition);
            }
        }

        foreach (var batch in refused)
        {
            foreach (var message in batch.Messages)
                message.Refused(why, _options.OnRefused);
            batch.Finish();
        }

        AdmitWaiting();
    }
}
