using OrleansMq.Records;

namespace OrleansMq.Abstractions.Tests;

/// <summary>What goes wrong with a call.</summary>
internal sealed record Fault(Exception Error, bool AfterStoring = false)
{
    public static Fault Unavailable => new(new MqException(ErrorCodes.PartitionUnavailable, "Not now."));
    public static Fault ReplyLost => new(new IOException("The connection broke."), AfterStoring: true);
    public static Fault RequestLost => new(new IOException("The connection broke."));
    public static Fault Refused(string code) => new(new MqException(code, "Never."));
}

/// <summary>
/// Partitions in memory that keep the broker's promises on sequences, and a script that spoils single appends: it is asked with the number of the
/// call, from 0. A held call waits until it is let go.
/// </summary>
internal sealed class LogBroker : SilentBroker
{
    private readonly Lock _sync = new();
    private TopicSettings _settings;
    private List<StoredMessage>[] _partitions;
    private readonly Dictionary<(long Id, int Partition), Producer> _producers = [];
    private int _calls;
    private long _producerIds;

    public LogBroker(TopicSettings? settings = null)
    {
        _settings = settings ?? new();
        _partitions = [.. Enumerable.Range(0, _settings.Partitions).Select(_ => new List<StoredMessage>())];
    }

    public Func<int, AppendRequest, Fault?> Script { get; set; } = (_, _) => null;

    /// <summary>Awaited before a call is looked at.</summary>
    public Func<int, AppendRequest, Task> Hold { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>The largest message it takes, whatever the settings say.</summary>
    public int RefuseBodiesOver { get; set; } = int.MaxValue;

    public long Admit { get; set; } = long.MaxValue;

    public List<AppendRequest> Appends { get; } = [];
    public int OpenedProducers => (int)_producerIds;

    public string[] Bodies(int partition = 0)
    {
        lock (_sync)
            return [.. _partitions[partition].Select(message => message.BodyText)];
    }

    /// <summary>From now on a key's message is taken only from who knows the new number.</summary>
    public void Grow(int partitions)
    {
        lock (_sync)
        {
            _partitions = [.. _partitions, .. Enumerable.Range(0, partitions - _partitions.Length).Select(_ => new List<StoredMessage>())];
            _settings = _settings with { Partitions = partitions };
        }
    }

    /// <summary>As after a crash that lost what was only accepted.</summary>
    public void ForgetProducers()
    {
        lock (_sync)
            _producers.Clear();
    }

    public override ValueTask<TopicDescription> DescribeTopic(TopicName topic, CancellationToken cancel = default) =>
        new(new TopicDescription { Name = topic, Settings = _settings, Partitions = [] });

    public override ValueTask<ProducerIdentity> OpenProducer(string? name = null, CancellationToken cancel = default) =>
        new(new ProducerIdentity(Interlocked.Increment(ref _producerIds), 0));

    public override async ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default)
    {
        int call;
        lock (_sync)
        {
            call = _calls++;
            Appends.Add(request);
        }

        await Hold(call, request);
        var fault = Script(call, request);
        if (fault is { AfterStoring: false })
            throw fault.Error;
        AppendResult result;
        lock (_sync)
            result = Store(request);
        return fault is null ? result : throw fault.Error;
    }

    private AppendResult Store(AppendRequest request)
    {
        var batch = RecordBatch.ReadExactly(request.Batch);
        Assert.Equal(BatchFault.None, batch.Check());
        if (request.Partitions < _settings.Partitions)
            throw new MqException(ErrorCodes.PartitionsChanged, $"There are {_settings.Partitions} partitions.");
        var log = _partitions[request.Partition];
        if (request.Producer is { } sequence)
        {
            var producer = ProducerOf(sequence, request.Partition);
            if (producer.Recent.FirstOrDefault(stored => stored.Sequence == sequence.Sequence) is { } before)
                return new AppendResult { BaseOffset = before.Offset, Duplicate = true };
            if (sequence.Sequence < producer.Next)
                throw new MqException(ErrorCodes.SequenceOld, "Forgotten.");
            Check(batch, log);
            if (sequence.Sequence != producer.Next)
                throw new MqException(ErrorCodes.SequenceGap, $"{producer.Next} is the next, not {sequence.Sequence}.");
            producer.Take(sequence.Sequence, batch.Count, log.Count);
        }
        else
        {
            Check(batch, log);
        }

        var baseOffset = log.Count;
        foreach (var record in batch.Records())
        {
            var message = MessageCodec.Decode(request.Partition, record);
            log.Add(message with { Position = new(request.Partition, log.Count), Body = message.Body.ToArray() });
        }

        return new AppendResult { BaseOffset = baseOffset };
    }

    private void Check(RecordBatch batch, List<StoredMessage> log)
    {
        foreach (var record in batch.Records())
            if (record.Value.Length > RefuseBodiesOver)
                throw new MqException(ErrorCodes.MessageTooLarge, "Too large.");
        if (log.Count + batch.Count > Admit)
            throw new MqException(ErrorCodes.AdmissionClosed, "Full for ever.");
    }

    private Producer ProducerOf(ProducerSequence sequence, int partition)
    {
        if (!_producers.TryGetValue((sequence.Id, partition), out var producer))
            _producers[(sequence.Id, partition)] = producer = new();
        return producer;
    }

    private sealed class Producer
    {
        public int Next { get; private set; }
        public List<Stored> Recent { get; } = [];

        public void Take(int sequence, int count, long offset)
        {
            Recent.Add(new(sequence, offset));
            if (Recent.Count > 5)
                Recent.RemoveAt(0);
            Next = sequence + count;
        }
    }

    private sealed record Stored(int Sequence, long Offset);
}
