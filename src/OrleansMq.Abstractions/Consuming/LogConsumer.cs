using System.Diagnostics.CodeAnalysis;

namespace OrleansMq;

/// <summary>
/// A member of a log-style group: reads the partitions that the group assigns to it, hands their messages to a handler in the order of each
/// partition, and commits how far it came.
/// </summary>
/// <remarks>
/// Each message is handled at least once: after a failure, and where partitions move to another member, what was handled and not yet committed is handled
/// again. A handler that throws is called again with the same message. Reading begins at the group's cursor. Closing finishes the message at hand,
/// commits and leaves the group.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "A source without timer and wait handle holds nothing; who still looks at its token may do so.")]
public sealed class LogConsumer : IAsyncDisposable
{
    /// <summary>A filter that its group gets is heard of after so long.</summary>
    private static readonly TimeSpan SettingsInterval = TimeSpan.FromSeconds(15);

    private readonly IBroker _broker;
    private readonly TopicName _topic;
    private readonly GroupName _group;
    private readonly LogConsumerOptions _options;
    private readonly string _member;
    private readonly TimeProvider _time;
    private readonly BrokerCalls _calls;
    private readonly LogHandler _handler;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _cancelHandler = new();
    private readonly Task _running;

    // Where to read on in each assigned partition. Written by the loop alone, or in parallel each by its own partition.
    private long[] _positions = [];
    private long[] _committed = [];
    private long _missed;
    private int _generation;
    private bool _isFiltered;
    private long _settingsSeenAt;

    /// <param name="handle">Gets what one read brought of one partition, in order; called again with the same messages where it throws.</param>
    public LogConsumer(
        IBroker broker, TopicName topic, GroupName group, Func<IReadOnlyList<StoredMessage>, CancellationToken, Task> handle, LogConsumerOptions? options = null, TimeProvider? time = null)
        : this(broker, topic, group, null, handle, options, time)
    {
    }

    private LogConsumer(
        IBroker broker, TopicName topic, GroupName group, Func<StoredMessage, CancellationToken, Task>? handleOne,
        Func<IReadOnlyList<StoredMessage>, CancellationToken, Task>? handleMany, LogConsumerOptions? options, TimeProvider? time)
    {
        (_broker, _topic, _group) = (broker, topic, group);
        _options = (options ?? new()).Checked();
        _member = _options.Member.Length > 0 ? _options.Member : $"m-{Guid.NewGuid():N}";
        _time = time ?? TimeProvider.System;
        _calls = new BrokerCalls(new Backoff(_options.RetryDelay, _options.MaxRetryDelay, _options.RetrySeed), _time, _options.OnError);
        _handler = new LogHandler(topic, group, handleOne, handleMany, _options.MaxAttempts, _calls, _cancelHandler.Token);
        _running = Run();
    }

    public LogConsumerStatistics Statistics => new(_handler.Handled, _handler.Skipped, Interlocked.Read(ref _missed), Volatile.Read(ref _generation), _calls.Errors);

    /// <param name="handle">Gets one message at a time; called again with the same one where it throws.</param>
    public static LogConsumer ForEach(
        IBroker broker, TopicName topic, GroupName group, Func<StoredMessage, CancellationToken, Task> handle, LogConsumerOptions? options = null, TimeProvider? time = null) =>
        new(broker, topic, group, handle, null, options, time);

    public async ValueTask DisposeAsync()
    {
        _stop.Cancel();
        try
        {
            await _running.WaitAsync(_options.StopTimeout, _time);
        }
        catch (TimeoutException)
        {
            _cancelHandler.Cancel();
            _calls.Abandon();
            await _running;
        }
    }

    private async Task Run()
    {
        for (var failures = 0; !_stop.IsCancellationRequested;)
        {
            try
            {
                var assignment = await _broker.Join(_topic, _group, _member, _options.SessionTimeout, _stop.Token);
                Volatile.Write(ref _generation, assignment.Generation);
                await using var membership = new Membership(
                    _broker, _topic, _group, _member, assignment, _options.SessionTimeout, _calls, _stop.Token);
                await Begin(assignment);
                failures = 0;
                await Follow(membership);
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                _calls.Report(e);
                await PauseUnlessStopped(++failures, e);
            }
        }

        await Leave();
    }

    /// <summary>Where the group's cursors stand: also for a partition that it had before, since a seek may have moved them.</summary>
    private async Task Begin(Assignment assignment)
    {
        _positions = new long[assignment.Partitions.Count];
        if (assignment.Partitions.Count > 0)
        {
            var group = await Describe();
            for (var i = 0; i < _positions.Length; i++)
            {
                var cursor = group.Partitions.First(partition => partition.Partition == assignment.Partitions[i]);
                _positions[i] = cursor.Error is { } error ? throw new MqException(error) : cursor.Cursor;
            }
        }

        _committed = [.. _positions];
    }

    private async Task<GroupDescription> Describe()
    {
        var group = await _broker.DescribeGroup(_topic, _group, _stop.Token);
        (_isFiltered, _settingsSeenAt) = (group.Settings.Filter is not null, _time.GetTimestamp());
        return group;
    }

    private async Task Follow(Membership membership)
    {
        if (_positions.Length == 0)
        {
            // Standing by. The heartbeat tells when there is something to do.
            await Task.Delay(Timeout.InfiniteTimeSpan, membership.Lost).ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            return;
        }

        var committedAt = _time.GetTimestamp();
        var failures = 0;
        while (!membership.Lost.IsCancellationRequested)
        {
            try
            {
                await ReadAndHandle(membership);
                failures = 0;
            }
            catch (Exception e) when (!membership.Lost.IsCancellationRequested)
            {
                _calls.Report(e);
                await PauseUnlessStopped(++failures, e);
            }

            if (_time.GetElapsedTime(committedAt) >= _options.CommitInterval || membership.Lost.IsCancellationRequested)
            {
                await Commit(membership);
                committedAt = _time.GetTimestamp();
            }
        }

        await Commit(membership);
    }

    private async Task ReadAndHandle(Membership membership)
    {
        var partitions = membership.Assignment.Partitions;
        var messages = new List<StoredMessage>[partitions.Count];
        var next = new long[partitions.Count];
        MqError? failed = null;
        if (!_isFiltered && _time.GetElapsedTime(_settingsSeenAt) >= SettingsInterval)
            await Describe();
        using (var result = await _broker.Read(new ReadRequest
        {
            Partitions = [.. partitions.Select((partition, i) => new PartitionCursor(_topic, partition, _positions[i]))],
            MaxBytes = _options.MaxBytes,
            Wait = _options.ReadWait,
            Isolation = Isolation.Committed,
            // A broker that knows no filters refuses what it does not know.
            Group = _isFiltered ? _group : default(GroupName?),
        }, membership.Lost))
        {
            for (var i = 0; i < partitions.Count; i++)
            {
                messages[i] = [];
                var read = result.Partitions[i];
                next[i] = read.Error is null ? RecordReading.Decode(read, _positions[i], messages[i]) : await AfterError(read, i);
                failed = read.Error is { Code: not ErrorCodes.OffsetOutOfRange } ? read.Error : failed;
            }
        }

        if (_options.Parallel)
            await Task.WhenAll(partitions.Select((_, i) => Handle(i, messages[i], next[i], membership.Lost)));
        else
            for (var i = 0; i < partitions.Count; i++)
                await Handle(i, messages[i], next[i], membership.Lost);
        if (failed is not null && messages.All(each => each.Count == 0))
            throw new MqException(failed);
    }

    /// <summary>What was removed before it was read can't be read any more: goes on at what there is, and counts the gap.</summary>
    private async Task<long> AfterError(PartitionRead read, int index)
    {
        if (read.Error!.Code != ErrorCodes.OffsetOutOfRange)
            return _positions[index];
        var there = await _broker.FindOffset(_topic, read.Partition, StartAt.Offset(_positions[index]), _stop.Token);
        Interlocked.Add(ref _missed, Math.Max(0, there - _positions[index]));
        return there;
    }

    private async Task Handle(int index, List<StoredMessage> messages, long next, CancellationToken lost)
    {
        if (await _handler.Handle(messages, handledUpTo => _positions[index] = handledUpTo, lost))
            _positions[index] = next;
    }

    /// <summary>Says how far it came. Refused where the group has moved on; then that was for nothing, and others handle it again.</summary>
    private async Task Commit(Membership membership)
    {
        List<Position> moved = [];
        for (var i = 0; i < _positions.Length; i++)
            if (_positions[i] != _committed[i])
                moved.Add(new Position(membership.Assignment.Partitions[i], _positions[i]));
        if (moved.Count == 0)
            return;
        try
        {
            await _broker.Commit(_topic, _group, new CommitRequest(moved, _member, membership.Assignment.Generation), _calls.Abandoned);
            _committed = [.. _positions];
        }
        catch (Exception e)
        {
            // What the broker can't take now it takes with the next.
            _calls.Report(e);
            if (Membership.IsOver(e))
                membership.End();
        }
    }

    private async Task Leave()
    {
        try
        {
            await _broker.Leave(_topic, _group, _member, _calls.Abandoned);
        }
        catch (Exception e)
        {
            // The session's time-out does it too.
            _calls.Report(e);
        }
    }

    private async Task PauseUnlessStopped(int failures, Exception e) =>
        await _calls.Pause(failures, e, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
}
