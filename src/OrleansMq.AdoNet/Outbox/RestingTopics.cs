namespace OrleansMq;

/// <summary>Topics whose messages were not taken: each rests by itself, so that one that is missing or closed holds up no other.</summary>
internal sealed class RestingTopics(Backoff backoff, TimeProvider time)
{
    private readonly Lock _sync = new();

    // Failures in a row, and until when it rests.
    private readonly Dictionary<string, (int Failures, long Until)> _topics = new(StringComparer.Ordinal);

    public IReadOnlyCollection<string> Now
    {
        get
        {
            var now = time.GetTimestamp();
            lock (_sync)
                return [.. _topics.Where(topic => topic.Value.Until > now).Select(topic => topic.Key)];
        }
    }

    public void Failed(TopicName topic, TimeSpan? retryAfter)
    {
        lock (_sync)
        {
            var (failures, until) = _topics.GetValueOrDefault(topic.Text);
            // Several workers were about it at once: one failure, and one step of the back-off.
            if (until > time.GetTimestamp())
                return;
            _topics[topic.Text] = (++failures, time.GetTimestamp() + (long)(backoff.Delay(failures, retryAfter).TotalSeconds * time.TimestampFrequency));
        }
    }

    public void Answered(TopicName topic)
    {
        lock (_sync)
            _topics.Remove(topic.Text);
    }
}
