using OrleansMq.Records;

namespace OrleansMq;

/// <summary>A message's way back to its sender: a task, or for <see cref="Producer.Enqueue"/> the message itself.</summary>
internal readonly struct PendingMessage
{
    private readonly object _way;

    public PendingMessage(Message message) => (_way, Choice) = (message, ChoiceOf(message));

    public PendingMessage(TaskCompletionSource<PublishResult> completion, Message message) => (_way, Choice) = (completion, ChoiceOf(message));

    public TaskCompletionSource<PublishResult>? Completion => _way as TaskCompletionSource<PublishResult>;

    /// <summary>How its partition was chosen: where the topic grows, this tells where it goes.</summary>
    public ChoiceKind Choice { get; }

    /// <summary>It is in the batch of the message before it, wherever that goes.</summary>
    public bool StaysWithLast { get; init; }

    private Message? Message => _way as Message;

    private static ChoiceKind ChoiceOf(Message message) => message.Partition is not null ? ChoiceKind.Named : PartitionChoice.IsByHash(message) ? ChoiceKind.ByHash : ChoiceKind.InTurn;

    public void Stored(in PublishResult result) => Completion?.TrySetResult(result);

    public void Refused(MqException why, Action<Message, MqException>? onRefused)
    {
        if (Completion is not null)
            Completion.TrySetException(why);
        else if (Message is not null)
            onRefused?.Invoke(Message, why);
    }
}

/// <summary>How a message's partition was chosen.</summary>
internal enum ChoiceKind : byte
{
    Named = 0,
    InTurn = 1,
    ByHash = 2,
}

/// <summary>Messages for one partition that travel together, with their place in the producer's order.</summary>
/// <remarks>Guarded by its producer's lock, except that a call in flight reads <see cref="Bytes"/>, which then don't change.</remarks>
internal sealed class ProducerBatch(RecordBatchBuilder records, long lingerUntil)
{
    private TaskCompletionSource? _finished;

    public RecordBatchBuilder Records => records;

    /// <summary>One for each record, in order.</summary>
    public List<PendingMessage> Messages { get; } = [];

    public bool Rich { get; set; }

    /// <summary>Some of its messages did not name the partition: where the topic has grown, they are to be chosen anew.</summary>
    public bool IsChosen { get; set; }

    /// <summary>Some of its messages stay together.</summary>
    public bool StaysTogether { get; set; }

    /// <summary>All its messages are half ones, or none is.</summary>
    public bool IsHalf { get; set; }

    /// <summary>The producer's timestamp at which it goes without being full.</summary>
    public long LingerUntil => lingerUntil;

    /// <summary>What it takes of the producer's buffer.</summary>
    public long BufferedBytes { get; set; }

    /// <summary>Set when it is closed.</summary>
    public ReadOnlyMemory<byte> Bytes { get; private set; }

    /// <summary>Its place, from its first sending on. Taken back when a batch before it was refused for good.</summary>
    public ProducerSequence? Sequence { get; set; }

    /// <summary>Its number in the order in which the partition's batches were first sent.</summary>
    public long Turn { get; set; }

    /// <summary>Its place among the partition's batches in the order of their messages: its turn, and within it that of a part.</summary>
    public double Order { get; set; }

    /// <summary>How much of the order's line is its own.</summary>
    public double Width { get; private init; } = 1;

    public bool InFlight { get; set; }

    /// <summary>Nothing before it was unfinished when it was last sent: a gap is then none of our making.</summary>
    public bool SentAsFirst { get; set; }

    /// <summary>Some sending of it, at its present sequence, may still arrive.</summary>
    public bool MayArriveLate { get; set; }

    /// <summary>The producer's timestamp of its first failure.</summary>
    public long? FailedSince { get; set; }

    public bool IsFinished { get; private set; }

    /// <summary>Ends when its messages are stored or refused; never fails.</summary>
    public Task Finished => IsFinished ? Task.CompletedTask : (_finished ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public void Close() => Bytes = records.Build();

    public void Finish()
    {
        IsFinished = true;
        _finished?.TrySetResult();
    }

    /// <summary>Where it may be cut, next to its middle; null where its messages stay together.</summary>
    public int? Cut
    {
        get
        {
            var middle = Messages.Count / 2;
            for (var away = 0; away <= middle; away++)
            {
                if (MayBeCut(middle - away))
                    return middle - away;
                if (MayBeCut(middle + away))
                    return middle + away;
            }

            return null;

            bool MayBeCut(int index) => index > 0 && index < Messages.Count && !Messages[index].StaysWithLast;
        }
    }

    /// <summary>The same messages in two batches, neither with a place yet.</summary>
    public (ProducerBatch First, ProducerBatch Second) Split()
    {
        var (first, second) = (Half(), Half());
        var cut = Cut!.Value;
        var index = 0;
        foreach (var record in RecordBatch.ReadExactly(Bytes).Records())
        {
            var half = index < cut ? first : second;
            half.Records.Append(record);
            half.Messages.Add(Messages[index++]);
        }

        first.BufferedBytes = BufferedBytes / 2;
        second.BufferedBytes = BufferedBytes - first.BufferedBytes;
        second.Order += second.Width;
        first.Close();
        second.Close();
        // Whoever waits for the whole waits for its end, which is at or before the second half's.
        second._finished = _finished;
        return (first, second);

        ProducerBatch Half() => new(new RecordBatchBuilder(Bytes.Length / 2), lingerUntil)
        {
            Rich = Rich, IsHalf = IsHalf, IsChosen = IsChosen, StaysTogether = StaysTogether, FailedSince = FailedSince, Turn = Turn, Order = Order, Width = Width / 2,
        };
    }
}
