namespace OrleansMq;

/// <summary>How far a request came, in words for whoever waited in vain.</summary>
internal sealed class RequestProgress(TopicName topic, long began)
{
    private string _text = $"the request to {topic} waited for room among those in flight";

    public TopicName Topic => topic;

    public long Began => began;

    public void Opening() => _text = $"the request to {topic} was not sent, because the topic of the replies did not answer";

    public void Sending(string correlationId) => _text = $"the request {correlationId} to {topic} has no answer from the broker; it may be stored";

    public void Stored(in PublishResult result) => _text = result switch
    {
        { Scheduled: { } id } => $"the request to {topic} waits for its time of delivery as {id}",
        { Duplicate: true } => $"the request to {topic} was stored before at {result.Position}; a token that was sent before has no reply of its own",
        _ => $"the request is stored in {topic} at {result.Position}, and nobody has replied",
    };

    public void Unknown(MqException e) => _text = $"whether the request is stored in {topic} is not known ({e.Message})";

    public override string ToString() => _text;
}
