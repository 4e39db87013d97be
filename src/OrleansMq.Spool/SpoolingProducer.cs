using System.Threading.Channels;
using OrleansMq.Json;

namespace OrleansMq;

/// <summary>
/// Sends messages to a topic, and keeps them in a flushed local file while no broker answers: they are sent later, in the order given, also by the next process on the same folder.
/// </summary>
/// <remarks>
/// While something lies in the spool everything new goes behind it, so that the order of each key holds. Each message has a token (one is drawn where it has none): what the broker has taken although
/// its answer was lost is not stored again as long as the topic remembers tokens (<see cref="TopicSettings.TokenAge"/>, 10 minutes by default: set it to more than a broker may be away).
/// A broker that answers "no" (a full backlog, a missing right) answers: its refusal is thrown. Any thread.
/// </remarks>
public sealed class SpoolingProducer : IAsyncDisposable
{
    private readonly TopicName _topic;
    private readonly SpoolOptions _options;
    private readonly TimeProvider _time;
    private readonly Spool _spool;
    private readonly BoundedSender _sender;
    private readonly Channel<Waiting> _waiting;
    private readonly Rounds _draining;
    private readonly Task _sending;
    private readonly Lock _sync = new();

    // Held while the spool's contents change together with their count.
    private readonly SemaphoreSlim _changing = new(1);

    // Guarded by _sync. Messages in the spool, those included that are about to be: never fewer than there are, or a new one would overtake them.
    private long _spooled;

    // Guarded by _sync. Who waits for an empty spool; null where nobody does.
    private TaskCompletionSource? _emptied;

    private SpoolingProducer(IBroker broker, TopicName topic, SpoolOptions options, Spool spool, long spooled, TimeProvider time)
    {
        (_topic, _options, _spool, _spooled, _time) = (topic, options, spool, spooled, time);
        _sender = new BoundedSender(broker, new(options.BatchBytes, options.AnswerWithin, options.Client), time);
        _waiting = Channel.CreateBounded<Waiting>(new BoundedChannelOptions(options.MaxWaiting) { SingleReader = true });
        // It is woken when something is spooled; the pause is for nothing else.
        _draining = new Rounds(Drain, TimeSpan.FromMinutes(1), options.RetryDelay, options.MaxRetryDelay, options.OnFailure, time);
        _sending = SendAll();
    }

    /// <summary>Takes the folder, and begins to send what an earlier process left in it.</summary>
    /// <param name="broker">Not owned. It need not answer.</param>
    /// <exception cref="ArgumentException">An option is out of its range, and is named.</exception>
    /// <exception cref="Storage.Files.DataFolderException">Another producer has the folder, or it can't be used.</exception>
    public static async Task<SpoolingProducer> Open(IBroker broker, TopicName topic, SpoolOptions options, TimeProvider? time = null)
    {
        time ??= TimeProvider.System;
        var spool = await Spool.Open(options.Checked(), time);
        try
        {
            return new SpoolingProducer(broker, topic, options, spool, await spool.Count(), time);
        }
        catch
        {
            await spool.DisposeAsync();
            throw;
        }
    }

    /// <summary>Messages in the spool.</summary>
    public long Spooled
    {
        get
        {
            lock (_sync)
                return _spooled;
        }
    }

    /// <summary>Sends a message; ends when the broker has stored it, or when it lies in the spool, flushed.</summary>
    /// <param name="cancel">Takes the message back while it waits for room; later it only ends the waiting, and the outcome stays open.</param>
    /// <exception cref="MqException">
    /// The broker refused it, and nothing is spooled; or the broker does not answer and the spool has no room: <see cref="ErrorCodes.BacklogFull"/> or <see cref="ErrorCodes.DiskFull"/>.
    /// Where the broker may have taken it all the same the message may be sent again with its token.
    /// </exception>
    public async Task<SpoolResult> Send(Message message, CancellationToken cancel = default)
    {
        var waiting = new Waiting(StoredJson.Fixed(message, _time));
        try
        {
            await _waiting.Writer.WriteAsync(waiting, cancel);
        }
        catch (ChannelClosedException)
        {
            throw new ObjectDisposedException(nameof(SpoolingProducer));
        }

        return await waiting.Outcome.Task.WaitAsync(cancel);
    }

    /// <summary>Ends when nothing is left in the spool.</summary>
    public Task Emptied(CancellationToken cancel = default)
    {
        lock (_sync)
            return _spooled == 0 ? Task.CompletedTask : (_emptied ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task.WaitAsync(cancel);
    }

    /// <summary>Spooled messages that the broker will never take as they are, oldest first.</summary>
    public Task<IReadOnlyList<RefusedMessage>> ReadRefused(CancellationToken cancel = default) => _spool.ReadRefused(cancel);

    /// <summary>Throws refused messages away, up to one and including it.</summary>
    public Task DiscardRefused(long upTo) => _spool.DiscardRefused(upTo);

    /// <summary>Sends or spools what was given, and leaves the spool to the next who opens it.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _sending;
        await _draining.DisposeAsync();
        await _spool.DisposeAsync();
        _changing.Dispose();
    }

    private async Task SendAll()
    {
        var batch = new List<Waiting>();
        while (await _waiting.Reader.WaitToReadAsync())
        {
            batch.Clear();
            while (batch.Count < _options.BatchMessages && _waiting.Reader.TryRead(out var next))
                batch.Add(next);
            try
            {
                // Only this loop fills the spool: where it is empty, it stays so until this decides otherwise.
                await Keep(Spooled == 0 ? await SendNow(batch) : batch);
            }
            catch (Exception e)
            {
                batch.ForEach(waiting => waiting.Outcome.TrySetException(e));
            }
        }
    }

    /// <returns>What is to be spooled, because the broker did not answer for it.</returns>
    private async Task<List<Waiting>> SendNow(List<Waiting> batch)
    {
        var outcome = await _sender.Send(_topic, [.. batch.Select((waiting, i) => new StoredRow(i, _topic, waiting.Message))], CancellationToken.None);
        foreach (var sent in outcome.Sent)
            batch[(int)sent.Id].Outcome.TrySetResult(new(sent.Result));
        foreach (var refused in outcome.Refused)
            batch[(int)refused.Id].Outcome.TrySetException(new MqException(refused.Error));
        if (outcome.Failure is not { } failure)
            return [];
        var done = outcome.Done;
        var left = batch.Where((_, i) => !done.Contains(i)).ToList();
        if (!IsSilence(failure))
        {
            left.ForEach(waiting => waiting.Outcome.TrySetException(failure));
            return [];
        }

        _options.OnFailure(failure);
        return left;
    }

    private async Task Keep(List<Waiting> batch)
    {
        var wrapped = batch.ConvertAll(waiting => Spool.Wrap(waiting.Message));
        for (var from = 0; from < batch.Count;)
        {
            var count = _spool.Fitting(wrapped, from, _options.MaxSpooledMessages - Spooled);
            var some = batch.GetRange(from, count);
            try
            {
                await Change(count, () => _spool.Append(wrapped.GetRange(from, count)));
                some.ForEach(waiting => waiting.Outcome.TrySetResult(new(null)));
            }
            catch (MqException refused) when (Refusals.IsOfTheMessage(refused.Code))
            {
                some.ForEach(waiting => waiting.Outcome.TrySetException(refused));
            }

            from += count;
            _draining.Wake();
        }
    }

    private async Task<bool> Drain(CancellationToken cancel)
    {
        var rows = await _spool.Peek(_topic, _options.BatchMessages, _options.BatchBytes, cancel);
        if (rows.Count == 0)
        {
            // Something is about to be spooled, or a change failed and could not be counted.
            if (Spooled > 0)
                await Change(0, CountAnew);
            return false;
        }

        var outcome = await _sender.Send(_topic, rows, cancel);
        // Up to the first that is left. What follows it is sent again with it: what the broker has of that is a duplicate then.
        var done = outcome.Done;
        var removed = rows.TakeWhile(row => done.Contains(row.Id)).Count();
        if (removed > 0)
        {
            var next = rows[removed - 1].Id + 1;
            foreach (var refused in outcome.Refused.Where(row => row.Id < next))
            {
                await _spool.PutAside(refused.Kept);
                _options.OnRefused(refused.Kept);
            }

            await Change(-removed, () => _spool.RemoveBefore(next));
        }

        return outcome.Failure is { } failure ? throw failure : true;
    }

    /// <summary>Changes the spool's contents together with their count: more count before they are there, fewer when they are gone.</summary>
    private async Task Change(int by, Func<Task> change)
    {
        await _changing.WaitAsync();
        try
        {
            if (by > 0)
                SetSpooled(Spooled + by);
            await change();
            if (by < 0)
                SetSpooled(Spooled + by);
        }
        catch
        {
            // Nobody knows how much of it was done. Where that can't be told now either, it is counted when the drain finds nothing.
            _draining.Wake();
            await CountAnew();
            throw;
        }
        finally
        {
            _changing.Release();
        }
    }

    private async Task CountAnew() => SetSpooled(await _spool.Count());

    private void SetSpooled(long count)
    {
        lock (_sync)
        {
            _spooled = count;
            if (_spooled > 0)
                return;
            _emptied?.TrySetResult();
            _emptied = null;
        }
    }

    /// <summary>Whether no broker answered for the messages, so that they may be kept; else it has said what is wrong.</summary>
    private static bool IsSilence(Exception failure) => Failure.CodeOf(failure) switch
    {
        // A proxy whose broker is away answers in its place.
        ErrorCodes.NotABroker => true,
        ErrorCodes.RateLimited or ErrorCodes.BacklogFull => false,
        _ => Failure.IsRetriable(failure),
    };

    private sealed record Waiting(Message Message)
    {
        public TaskCompletionSource<SpoolResult> Outcome { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
