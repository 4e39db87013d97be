using OrleansMq.Core.Limits;
using OrleansMq.Core.Partitions;
using OrleansMq.Engine.Partitions;

namespace OrleansMq.Engine.Topics;

/// <summary>
/// A topic's limits over all its partitions: rates and backlog. Partitions ask in their turns and say what they hold, so the sums are as exact as the
/// partitions that are open.
/// </summary>
public sealed class TopicGate
{
    /// <summary>Producers whose rate is counted at once; beyond it the one seen longest ago starts afresh.</summary>
    public const int MaxProducerRates = 10_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<int, PartitionHolding> _held = [];
    private readonly Dictionary<string, TokenBucket> _producers = new(StringComparer.Ordinal);
    private readonly Queue<string> _producerOrder = new();
    private TokenBucket? _rate;

    /// <summary>Whether any limit needs to know what groups have before them.</summary>
    public static bool TracksBacklog(TopicSettings settings, IEnumerable<GroupSettings> groups) =>
        settings.MaxMessages is not null || settings.MaxBytes is not null || groups.Any(group => group.MaxMessages is not null || group.MaxBytes is not null);

    /// <summary>Takes note of what a partition holds; replaces what it said before.</summary>
    /// <returns>Whether there is less than before: somebody who waits may go on.</returns>
    public bool Note(int partition, PartitionHolding holding)
    {
        lock (_gate)
        {
            var less = _held.TryGetValue(partition, out var before)
                && (holding.Stored < before.Stored || before.Lags.Any(lag => holding.Lags.GetValueOrDefault(lag.Key) < lag.Value));
            _held[partition] = holding;
            return less;
        }
    }

    public void Forget(int partition)
    {
        lock (_gate)
            _held.Remove(partition);
    }

    /// <summary>Decides by backlog first, for a refusal must not use up the rate.</summary>
    public AdmissionVerdict Admit(TopicName topic, int partition, in AdmissionQuestion question, TopicSettings settings, IReadOnlyList<KeyValuePair<string, GroupSettings>> groups)
    {
        lock (_gate)
        {
            var verdict = AdmitBacklog(topic, partition, question, settings, groups);
            if (verdict.Answer is AdmissionAnswer.Refuse or AdmissionAnswer.Wait)
                return verdict;
            if (AdmitRate(topic, question, settings) is { } refusal)
                return new AdmissionVerdict(AdmissionAnswer.Refuse, refusal);
            if (_held.TryGetValue(partition, out var held))
                _held[partition] = held.With(question.Messages);
            return verdict;
        }
    }

    private AdmissionVerdict AdmitBacklog(TopicName topic, int partition, in AdmissionQuestion question, TopicSettings settings, IReadOnlyList<KeyValuePair<string, GroupSettings>> groups)
    {
        var coming = new BacklogSize(question.Messages, question.Bytes);
        var worst = Backlog.Decide(settings.WhenFull, BacklogLimit.For(topic, settings), SizeOfTopic(groups), coming);
        foreach (var (name, group) in groups)
        {
            if (group.MaxMessages is null && group.MaxBytes is null)
                continue;
            var decision = Backlog.Decide(settings.WhenFull, BacklogLimit.For(new GroupName(name), group), SizeOfGroup(name), coming);
            if (decision.Answer > worst.Answer)
                worst = decision;
        }

        var full = new MqError(ErrorCodes.BacklogFull, worst.Detail ?? "", TimeSpan.FromSeconds(1));
        return worst.Answer switch
        {
            BacklogAnswer.Refuse => new AdmissionVerdict(AdmissionAnswer.Refuse, full),
            BacklogAnswer.Wait => new AdmissionVerdict(AdmissionAnswer.Wait, full),
            BacklogAnswer.Drop => new AdmissionVerdict(AdmissionAnswer.Drop, null, MessagesToDrop(partition, worst.Over)),
            _ => default,
        };
    }

    /// <summary>Bytes are counted in messages of the partition's mean size; what it does not hold itself it can't drop.</summary>
    private long MessagesToDrop(int partition, BacklogSize over)
    {
        var mean = _held.TryGetValue(partition, out var held) ? held.MeanBytes : 0;
        return Math.Max(over.Messages, mean > 0 ? (long)Math.Ceiling(over.Bytes / mean) : over.Bytes > 0 ? 1 : 0);
    }

    /// <summary>What the slowest declared group has not settled; without one, what is stored.</summary>
    private BacklogSize SizeOfTopic(IReadOnlyList<KeyValuePair<string, GroupSettings>> groups)
    {
        var names = groups.Select(group => group.Key).Where(name => _held.Values.Any(held => held.Lags.ContainsKey(name))).ToList();
        if (names.Count == 0)
            return new BacklogSize(_held.Values.Sum(held => held.Stored), (long)_held.Values.Sum(held => held.Stored * held.MeanBytes));
        var slowest = default(BacklogSize);
        foreach (var name in names)
        {
            var size = SizeOfGroup(name);
            slowest = new BacklogSize(Math.Max(slowest.Messages, size.Messages), Math.Max(slowest.Bytes, size.Bytes));
        }

        return slowest;
    }

    private BacklogSize SizeOfGroup(string group)
    {
        var (messages, bytes) = (0L, 0.0);
        foreach (var held in _held.Values)
        {
            var lag = held.Lags.GetValueOrDefault(group);
            (messages, bytes) = (messages + lag, bytes + lag * held.MeanBytes);
        }

        return new BacklogSize(messages, (long)bytes);
    }

    private MqError? AdmitRate(TopicName topic, in AdmissionQuestion question, TopicSettings settings)
    {
        var producer = settings.ProducerRatePerSecond is { } each ? ProducerRate(question.Client, each, question.NowMs) : null;
        if (settings.RatePerSecond is { } rate)
        {
            _rate ??= new TokenBucket(rate, question.NowMs);
            if (_rate.RatePerSecond != rate)
                _rate.Change(rate, question.NowMs);
        }
        else
        {
            _rate = null;
        }

        if (producer is not null && !producer.TryTake(question.Messages, question.NowMs, out var producerWaitMs))
            return new MqError(ErrorCodes.RateLimited, $"The producer sends faster than the {settings.ProducerRatePerSecond} messages a second that topic '{topic}' takes of each.", TimeSpan.FromMilliseconds(producerWaitMs));
        if (_rate is not null && !_rate.TryTake(question.Messages, question.NowMs, out var waitMs))
            return new MqError(ErrorCodes.RateLimited, $"Topic '{topic}' takes {settings.RatePerSecond} messages a second.", TimeSpan.FromMilliseconds(waitMs));
        return null;
    }

    private TokenBucket ProducerRate(string client, double rate, long nowMs)
    {
        if (!_producers.TryGetValue(client, out var bucket))
        {
            if (_producers.Count >= MaxProducerRates)
                _producers.Remove(_producerOrder.Dequeue());
            _producers[client] = bucket = new TokenBucket(rate, nowMs);
            _producerOrder.Enqueue(client);
        }

        if (bucket.RatePerSecond != rate)
            bucket.Change(rate, nowMs);
        return bucket;
    }
}

/// <summary>What a partition holds, as far as limits count it.</summary>
/// <param name="Stored">Messages.</param>
/// <param name="Lags">What each declared group has not settled.</param>
public sealed record PartitionHolding(long Stored, double MeanBytes, IReadOnlyDictionary<string, long> Lags)
{
    public static PartitionHolding Of(Partition state, long logBytes)
    {
        var stored = state.Stored;
        var lags = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var group in state.Groups)
            if (group.Declared)
                lags[group.Name] = state.LagOf(group);
        return new PartitionHolding(stored, stored == 0 ? 0 : (double)logBytes / stored, lags);
    }

    internal PartitionHolding With(int more) => this with { Stored = Stored + more, Lags = Lags.ToDictionary(lag => lag.Key, lag => lag.Value + more) };
}
