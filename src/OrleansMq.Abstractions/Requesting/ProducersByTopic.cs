namespace OrleansMq;

/// <summary>A producer for each topic that is sent to. Beyond a number of topics, the one that was idle for longest makes room.</summary>
internal sealed class ProducersByTopic(IBroker broker, ProducerOptions options, int max, TimeProvider time) : IAsyncDisposable
{
    private readonly Lock _sync = new();
    private readonly Dictionary<TopicName, Seat> _byTopic = [];

    // The last used comes last.
    private readonly LinkedList<Seat> _byUse = new();
    private readonly HashSet<Task> _closing = [];
    private bool _ended;

    public int Count
    {
        get
        {
            lock (_sync)
                return _byTopic.Count;
        }
    }

    /// <exception cref="MqException"><see cref="ErrorCodes.Overloaded"/>: all are in use, for other topics.</exception>
    public async Task<PublishResult> Send(TopicName topic, Message message, CancellationToken cancel)
    {
        var seat = Take(topic);
        try
        {
            return await seat.Producer.Send(message, cancel);
        }
        finally
        {
            lock (_sync)
                seat.Uses--;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task[] closing;
        lock (_sync)
        {
            _ended = true;
            foreach (var seat in _byUse)
                _closing.Add(seat.Producer.DisposeAsync().AsTask());
            _byUse.Clear();
            _byTopic.Clear();
            closing = [.. _closing];
        }

        foreach (var each in closing)
            await each;
    }

    private Seat Take(TopicName topic)
    {
        lock (_sync)
        {
            ObjectDisposedException.ThrowIf(_ended, this);
            if (_byTopic.TryGetValue(topic, out var seat) && !seat.Producer.HasEnded)
            {
                _byUse.Remove(seat.Place);
            }
            else
            {
                if (seat is not null)
                    Leave(seat);
                MakeRoom();
                _byTopic[topic] = seat = new Seat(topic, new Producer(broker, topic, options, time));
            }

            _byUse.AddLast(seat.Place);
            seat.Uses++;
            return seat;
        }
    }

    private void MakeRoom()
    {
        if (_byTopic.Count < max)
            return;
        var idle = _byUse.FirstOrDefault(seat => seat.Uses == 0)
            ?? throw new MqException(ErrorCodes.Overloaded, $"Messages are on their way to {max} other topics, and so many are the limit.");
        Leave(idle);
    }

    private void Leave(Seat seat)
    {
        _byUse.Remove(seat.Place);
        _byTopic.Remove(seat.Topic);
        _closing.RemoveWhere(task => task.IsCompleted);
        _closing.Add(seat.Producer.DisposeAsync().AsTask());
    }

    private sealed class Seat
    {
        public Seat(TopicName topic, Producer producer) => (Topic, Producer, Place) = (topic, producer, new(this));

        public TopicName Topic { get; }

        public Producer Producer { get; }

        public LinkedListNode<Seat> Place { get; }

        /// <summary>Sendings without an answer.</summary>
        public int Uses { get; set; }
    }
}
