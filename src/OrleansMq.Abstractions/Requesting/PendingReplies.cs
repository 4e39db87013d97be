using System.Collections.Concurrent;
using System.Globalization;

namespace OrleansMq;

/// <summary>The requests of one requester that wait for their reply, by correlation id.</summary>
internal sealed class PendingReplies
{
    // Begins each correlation id: nobody else's begin so.
    private readonly string _own = Guid.NewGuid().ToString("N") + "-";

    private readonly ConcurrentDictionary<string, TaskCompletionSource<StoredMessage>> _waiting = new(StringComparer.Ordinal);
    private long _numbers;
    private long _replied;
    private long _late;
    private long _foreign;

    public int Count => _waiting.Count;

    public long Replied => Interlocked.Read(ref _replied);

    public long Late => Interlocked.Read(ref _late);

    public long Foreign => Interlocked.Read(ref _foreign);

    public PendingReply Add()
    {
        var id = _own + Interlocked.Increment(ref _numbers).ToString(CultureInfo.InvariantCulture);
        var completion = new TaskCompletionSource<StoredMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[id] = completion;
        return new PendingReply(this, id, completion.Task);
    }

    public void Take(StoredMessage reply)
    {
        if (reply.CorrelationId is not { } id || !id.StartsWith(_own, StringComparison.Ordinal))
            Interlocked.Increment(ref _foreign);
        else if (_waiting.TryRemove(id, out var completion))
        {
            Interlocked.Increment(ref _replied);
            completion.SetResult(reply);
        }
        else
            Interlocked.Increment(ref _late);
    }

    public void Forget(string id) => _waiting.TryRemove(id, out _);
}

/// <summary>One of them, until it is disposed.</summary>
internal sealed class PendingReply(PendingReplies all, string correlationId, Task<StoredMessage> reply) : IDisposable
{
    public string CorrelationId => correlationId;

    public Task<StoredMessage> Reply => reply;

    public void Dispose() => all.Forget(correlationId);
}
