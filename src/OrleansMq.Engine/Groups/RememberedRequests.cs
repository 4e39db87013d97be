namespace OrleansMq.Engine.Groups;

/// <summary>Answers to requests that may come again because the answer was lost, until their first lease ends. Beyond the bytes only where an answer came from is kept: the partitions give it again.</summary>
internal sealed class RememberedRequests
{
    /// <summary>Beyond this many the one that would end first is forgotten: should it come again, it is a new request.</summary>
    public const int MaxRequests = 10_000;

    /// <summary>Of messages in answers that are kept, of one group.</summary>
    public const long MaxBytes = 16 << 20;

    /// <summary>What a message takes beside its body, key, headers and state: about.</summary>
    private const int MessageOverhead = 500;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Request> _requests = new(StringComparer.Ordinal);

    /// <summary>Those that are answered, by when their first lease ends.</summary>
    private readonly PriorityQueue<Request, long> _ends = new();

    /// <summary>Those whose answers are kept, the oldest first.</summary>
    private readonly LinkedList<Request> _kept = new();
    private long _bytes;

    public int Count
    {
        get
        {
            lock (_gate)
                return _requests.Count;
        }
    }

    public long Bytes
    {
        get
        {
            lock (_gate)
                return _bytes;
        }
    }

    /// <summary>The request, for whoever comes first with it, who has to answer it; or what its first caller has got or will get.</summary>
    public (Request? Mine, Task<IReadOnlyList<Delivery>>? Answer) Begin(string id, long nowMs)
    {
        lock (_gate)
        {
            while (_ends.TryPeek(out var first, out var until) && until <= nowMs)
                Forget(_ends.Dequeue());
            var found = _requests.GetValueOrDefault(id);
            if (found is { IsLetGo: false })
                return (null, found.Source.Task);
            var mine = new Request(id) { Places = found?.Places ?? [], LetGoBefore = found };
            _requests[id] = mine;
            return (mine, null);
        }
    }

    public void Answered(Request request, IReadOnlyList<Delivery> answer)
    {
        lock (_gate)
        {
            if (answer.Count == 0)
                Forget(request);
            else
                Keep(request, answer);
        }

        request.Source.SetResult(answer);
    }

    /// <param name="untilMs">When leases end that it may have made.</param>
    public void Failed(Request request, Exception error, long untilMs)
    {
        lock (_gate)
        {
            Forget(request);
            // Those leases are out there still, and whoever comes again with it asks where they are.
            if (request.Called.Count > 0)
                KeepPlaces(request, untilMs);
            else if (request.LetGoBefore is { IsForgotten: false } before)
                _requests[request.Id] = before;
        }

        request.Source.SetException(error);
        _ = request.Source.Task.Exception;
    }

    private void Keep(Request request, IReadOnlyList<Delivery> answer)
    {
        request.LetGoBefore = null;
        request.Places = [.. answer.Select(delivery => delivery.Lease.Partition).Distinct()];
        request.Bytes = answer.Sum(SizeOf);
        request.Kept = _kept.AddLast(request);
        _bytes += request.Bytes;
        _ends.Enqueue(request, answer.Min(delivery => delivery.LeaseUntil).ToUnixTimeMilliseconds());
        while (_bytes > MaxBytes)
            LetGo(_kept.First!.Value);
        Limit();
    }

    /// <summary>As if it had been answered and the answer let go.</summary>
    private void KeepPlaces(Request request, long untilMs)
    {
        request.LetGoBefore = null;
        request.Places = [.. request.Places.Union(request.Called)];
        (request.IsLetGo, request.IsForgotten) = (true, false);
        _requests[request.Id] = request;
        _ends.Enqueue(request, untilMs);
        Limit();
    }

    private void Limit()
    {
        while (_ends.Count > MaxRequests)
            Forget(_ends.Dequeue());
    }

    private void LetGo(Request request)
    {
        if (request.Kept is not { } kept)
            return;
        _kept.Remove(kept);
        _bytes -= request.Bytes;
        request.Kept = null;
        request.IsLetGo = true;
    }

    private void Forget(Request request)
    {
        LetGo(request);
        request.IsForgotten = true;
        if (_requests.GetValueOrDefault(request.Id) == request)
            _requests.Remove(request.Id);
    }

    private static long SizeOf(Delivery delivery) =>
        MessageOverhead + delivery.Body.Length + (delivery.Key?.Length ?? 0) + delivery.SessionState.Length + delivery.Headers.Sum(header => sizeof(char) * (header.Key.Length + header.Value.Length));

    internal sealed class Request(string id)
    {
        public string Id => id;

        public TaskCompletionSource<IReadOnlyList<Delivery>> Source { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The partitions that its answer came from, or may have come from where it failed; before there is one, those of an earlier answer that was let go.</summary>
        public IReadOnlyList<int> Places { get; set; } = [];

        /// <summary>The partitions in which it may have leases: called for them, and not known to have given none.</summary>
        public HashSet<int> Called { get; } = [];

        /// <summary>Until it is answered: the one that had the answer that was let go.</summary>
        public Request? LetGoBefore { get; set; }

        public long Bytes { get; set; }

        public LinkedListNode<Request>? Kept { get; set; }

        /// <summary>Its answer is not here any more.</summary>
        public bool IsLetGo { get; set; }

        public bool IsForgotten { get; set; }
    }
}
