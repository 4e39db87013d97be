using System.Diagnostics;
using OrleansMq.Client.Grains;

namespace OrleansMq.Client;

/// <summary>The two ways into a partition.</summary>
internal interface IAppendCalls
{
    Task<AppendResult> Append(byte[] batch, AppendTerms terms);

    Task<AppendOutcome[]> AppendAll(AppendPart[] parts);
}

/// <summary>
/// Appends to one partition, at one level of acknowledgement, on their way to its grain. A few go at once, each as a call of its own. While so many are under way, what
/// comes gathers, and goes as one call when that is full, when fewer are under way, or when it has waited for <see cref="MaxGathering"/>: calls may be under way for long
/// where a silo was lost.
/// </summary>
/// <remarks>Nothing here runs in the context of an append's caller, whose scheduler may end before the others' appends do.</remarks>
internal sealed class AppendQueue
{
    /// <summary>So many calls are under way before appends gather: a few senders never wait here.</summary>
    public const int CallsAtOnce = 4;

    /// <summary>More batches than this don't go in one call, however small they are.</summary>
    public const int MaxParts = 512;

    public static readonly TimeSpan MaxGathering = TimeSpan.FromMilliseconds(1);


    private readonly IAppendCalls _calls;
    private readonly int _callBytes;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();

    /// <summary>What gathers now; less than a call takes.</summary>
    private List<Gathered> _gathered = [];
    private int _bytes;

    /// <summary>How many calls were made of what gathered.</summary>
    private long _number;

    /// <summary>The one that the timer was set for; null while it is not set.</summary>
    private long? _timed;
    private int _underWay;

    /// <param name="callBytes">A call has at most so many bytes of batches. A batch that fills more than half of a call goes alone.</param>
    public AppendQueue(IAppendCalls calls, int callBytes, TimeProvider time)
    {
        (_calls, _callBytes) = (calls, callBytes);
        _timer = CreateTimer(time);
    }

    public Task<AppendResult> Append(byte[] batch, AppendTerms terms)
    {
        // Calls are made inside the gate, so that they leave in the order of the appends.
        lock (_gate)
        {
            if (batch.Length > _callBytes / 2 || _underWay < CallsAtOnce)
            {
                SendGathered();
                _underWay++;
                return Alone(batch, terms);
            }

            if (_bytes + batch.Length > _callBytes)
                SendGathered();
            var append = new Gathered(new AppendPart(batch, terms), Activity.Current);
            _gathered.Add(append);
            _bytes += batch.Length;
            if (_gathered.Count == MaxParts)
                SendGathered();
            else if (_timed is null)
                SetTimer();
            return append.Answer.Task;
        }
    }

    private async Task<AppendResult> Alone(byte[] batch, AppendTerms terms)
    {
        try
        {
            return await _calls.Append(batch, terms).ConfigureAwait(false);
        }
        finally
        {
            Ended();
        }
    }

    private void Ended()
    {
        lock (_gate)
        {
            _underWay--;
            if (_underWay < CallsAtOnce)
                SendGathered();
        }
    }

    /// <summary>It lives longer than the append that made it, so it has nobody's context.</summary>
    private ITimer CreateTimer(TimeProvider time)
    {
        if (ExecutionContext.IsFlowSuppressed())
            return time.CreateTimer(_ => TimeIsOver(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        using (ExecutionContext.SuppressFlow())
            return time.CreateTimer(_ => TimeIsOver(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private void SetTimer()
    {
        _timed = _number;
        _timer.Change(MaxGathering, Timeout.InfiniteTimeSpan);
    }

    private void TimeIsOver()
    {
        lock (_gate)
        {
            var over = _timed == _number;
            _timed = null;
            if (over)
                SendGathered();
            else if (_gathered.Count > 0)
                SetTimer();
        }
    }

    private void SendGathered()
    {
        if (_gathered.Count == 0)
            return;
        var call = _gathered;
        (_gathered, _bytes) = (new List<Gathered>(call.Count), 0);
        _number++;
        _underWay++;
        _ = Send(call);
    }

    /// <summary>Every append of the call learns its own outcome, or what became of the call.</summary>
    private async Task Send(List<Gathered> call)
    {
        AppendOutcome[] outcomes;
        try
        {
            outcomes = await Call(call).ConfigureAwait(false);
            if (outcomes.Length != call.Count)
                throw new MqException(ErrorCodes.OutcomeUnknown, $"A partition told what became of {outcomes.Length} batches; {call.Count} were sent.");
        }
        catch (Exception failure)
        {
            foreach (var append in call)
                append.Answer.SetException(failure);
            return;
        }
        finally
        {
            Ended();
        }

        for (var i = 0; i < outcomes.Length; i++)
        {
            if (outcomes[i].Error is { } error)
                call[i].Answer.SetException(new MqException(error));
            else
                call[i].Answer.SetResult(outcomes[i].Result);
        }
    }

    private async Task<AppendOutcome[]> Call(List<Gathered> call)
    {
        // It leaves when another's append, or the end of another's call, makes it. A span can have one parent: the first of the call.
        RequestContext.Clear();
        Activity.Current = call[0].Span;
        if (call is [var one])
            return [new AppendOutcome(await _calls.Append(one.Part.Batch, one.Part.Terms).ConfigureAwait(false), null)];
        var parts = new AppendPart[call.Count];
        for (var i = 0; i < parts.Length; i++)
            parts[i] = call[i].Part;
        return await _calls.AppendAll(parts).ConfigureAwait(false);
    }

    private sealed record Gathered(AppendPart Part, Activity? Span)
    {
        public TaskCompletionSource<AppendResult> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
