using System.Diagnostics.CodeAnalysis;

namespace OrleansMq;

/// <summary>Reads one partition of the reply topic, from its end at the first request on, and hands on what comes. Opens on first use.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A source without timer and wait handle holds nothing; who still looks at its token may do so.")]
internal sealed class ReplyReader(IBroker broker, RequesterOptions options, BrokerCalls calls, Action<StoredMessage> take) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _sync = new();

    // Null before first use, and again where the partition is gone.
    private Task<ReplyAddress>? _opening;
    private Task _reading = Task.CompletedTask;

    // Where to read on. The loop's own once it runs.
    private long _next;

    /// <summary>Where replies are read. What is appended there after this has ended is handed on.</summary>
    /// <exception cref="MqException">It can't be read; the next call tries again.</exception>
    public async Task<ReplyAddress> Open(CancellationToken cancel)
    {
        Task<ReplyAddress> opening;
        lock (_sync)
            opening = _opening is null || _opening.IsFaulted || _opening.IsCanceled ? _opening = OpenOnce() : _opening;
        return await opening.WaitAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        calls.Abandon();
        Task? opening;
        lock (_sync)
            opening = _opening;
        if (opening is not null)
            await ((Task)opening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        await _reading;
    }

    private async Task<ReplyAddress> OpenOnce()
    {
        await Task.Yield();
        var partitions = await calls.Persist(() => PartitionsOf(options.ReplyTopic));
        var partition = options.ReplyPartition ?? Random.Shared.Next(partitions);
        _next = await calls.Persist(() => broker.FindOffset(options.ReplyTopic, partition, StartAt.Latest, _stop.Token));
        // Whoever may look at the topic and not read it hears so now, and not by a time-out each.
        foreach (var reply in await calls.Persist(() => ReadOnce(partition, TimeSpan.Zero)))
            take(reply);
        _reading = Read(partition);
        return new ReplyAddress(options.ReplyTopic, partition);
    }

    private async ValueTask<int> PartitionsOf(TopicName topic)
    {
        try
        {
            return (await broker.DescribeTopic(topic, _stop.Token)).Settings.Partitions;
        }
        catch (MqException unknown) when (unknown.Code == ErrorCodes.TopicUnknown && options.CreateReplyTopic)
        {
            return await Create(topic);
        }
    }

    private async ValueTask<int> Create(TopicName topic)
    {
        try
        {
            var change = new TopicChange { Partitions = options.ReplyPartitions, Retention = options.ReplyRetention, KeepUnsettled = false };
            return (await broker.PutTopic(topic, change, _stop.Token)).Settings.Partitions;
        }
        catch (MqException raced) when (raced.Code == ErrorCodes.Conflict)
        {
            // Another made it meanwhile, with partitions of its own choice.
            return (await broker.DescribeTopic(topic, _stop.Token)).Settings.Partitions;
        }
    }

    private async Task Read(int partition)
    {
        var failures = 0;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                foreach (var reply in await ReadOnce(partition, options.ReadWait))
                    take(reply);
                failures = 0;
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
            }
            catch (MqException fewer) when (fewer.Code == ErrorCodes.PartitionUnknown)
            {
                // Another topic under the name, with fewer: whoever asks next opens one of those. So do those who hear of it by this report.
                lock (_sync)
                    _opening = null;
                calls.Report(fewer);
                return;
            }
            catch (Exception e)
            {
                calls.Report(e);
                await Recover(partition, e, ++failures);
            }
        }
    }

    private async ValueTask<List<StoredMessage>> ReadOnce(int partition, TimeSpan wait)
    {
        List<StoredMessage> replies = [];
        using var result = await broker.Read(new ReadRequest
        {
            Partitions = [new PartitionCursor(options.ReplyTopic, partition, _next)],
            MinBytes = wait > TimeSpan.Zero ? 1 : 0,
            Wait = wait,
            Isolation = Isolation.Committed,
        }, _stop.Token);
        var read = result.Partitions[0];
        if (read.Error is { } error)
            throw new MqException(error);
        _next = RecordReading.Decode(read, _next, replies);
        return replies;
    }

    private async Task Recover(int partition, Exception e, int failures)
    {
        try
        {
            if (failures > 1 || Failure.IsRetriable(e))
                await calls.Pause(failures, e, _stop.Token);
            switch (Failure.CodeOf(e))
            {
                case ErrorCodes.TopicUnknown:
                    await PartitionsOf(options.ReplyTopic);
                    _next = 0;
                    break;
                case ErrorCodes.OffsetOutOfRange:
                    // Removed by retention, or another topic under the name: what stands there is read, and dropped where it is foreign.
                    _next = await broker.FindOffset(options.ReplyTopic, partition, StartAt.Earliest, _stop.Token);
                    break;
                case ErrorCodes.BatchCorrupt:
                    // Somebody's batch that can't be read must not hold up all that comes behind it.
                    _next = await broker.FindOffset(options.ReplyTopic, partition, StartAt.Latest, _stop.Token);
                    break;
                default:
                    break;
            }
        }
        catch (Exception again) when (!_stop.IsCancellationRequested)
        {
            calls.Report(again);
        }
        catch (Exception) when (_stop.IsCancellationRequested)
        {
        }
    }
}
