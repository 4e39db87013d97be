namespace OrleansMq.Cli.Commands;

/// <summary>Consuming in log style: join, read whole partitions in order, print, commit.</summary>
internal sealed class LogConsumption(Invocation run, ConsumeOptions options)
{
    // A member that died keeps its partitions for its session's time-out; so long it may look as if there were nothing to read.
    private static readonly TimeSpan LongestHandOver = TimeSpan.FromSeconds(15);

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _left = options.Max ?? long.MaxValue;
    private long _lastPrint = run.Console.Time.GetTimestamp();

    public static async Task Run(Invocation run, ConsumeOptions options)
    {
        if (options.Ack != AckMode.AfterPrint)
            throw new UsageException("--ack is for queue style; in log style what was printed is committed, and 'mq browse' leaves no trace.");
        _ = await Patience.Try(run, options.Follow, () => run.Broker.DescribeTopic(options.Topic, run.Cancel));
        var consumption = new LogConsumption(run, options);
        await using var consumer = LogConsumer.ForEach(run.Broker, options.Topic, options.Group, consumption.Print, new LogConsumerOptions
        {
            Member = options.Consumer,
            OnError = consumption.Heard,
        }, run.Console.Time);
        await await Task.WhenAny(consumption._ended.Task, consumption.NothingLeft()).WaitAsync(run.Cancel);
    }

    // Throwing keeps the message uncommitted; the consumer offers it again until it is closed.
    private Task Print(StoredMessage message, CancellationToken cancel)
    {
        if (_left == 0 || _ended.Task.IsCompleted || run.Cancel.IsCancellationRequested)
            throw new OperationCanceledException("Enough was printed.");
        try
        {
            options.Print(message);
            run.Out.Flush();
        }
        catch (OutputClosedException e)
        {
            _ended.TrySetException(e);
            throw;
        }
        Volatile.Write(ref _lastPrint, run.Console.Time.GetTimestamp());
        if (--_left == 0)
            _ended.TrySetResult();
        return Task.CompletedTask;
    }

    /// <summary>The consumer tries again whatever happens. What will not get better ends the command, and without --follow so does a broken connection.</summary>
    private void Heard(Exception e)
    {
        var passes = e is OperationCanceledException or OutputClosedException
            or MqException { Code: ErrorCodes.GenerationStale or ErrorCodes.MemberUnknown }
            || options.Follow && e is not MqException { IsRetriable: false };
        if (!passes)
            _ended.TrySetException(e);
    }

    private async Task NothingLeft()
    {
        if (options.Follow)
            await Task.Delay(Timeout.InfiniteTimeSpan, run.Cancel);
        while (true)
        {
            var idle = run.Console.Time.GetElapsedTime(Volatile.Read(ref _lastPrint));
            if (idle >= options.Wait && (idle >= options.Wait + LongestHandOver || await Lag() == 0))
                return;
            await Task.Delay(idle < options.Wait ? options.Wait - idle : TimeSpan.FromMilliseconds(200), run.Console.Time, run.Cancel);
        }
    }

    private async Task<long> Lag()
    {
        try
        {
            return (await run.Broker.DescribeGroup(options.Topic, options.Group, run.Cancel)).Partitions.Sum(p => p.Lag);
        }
        catch (MqException e) when (e.Code == ErrorCodes.GroupUnknown)
        {
            return 1; // not joined yet
        }
    }
}
