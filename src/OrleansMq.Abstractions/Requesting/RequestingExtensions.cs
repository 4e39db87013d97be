namespace OrleansMq;

/// <summary>Requests and replies in a line.</summary>
public static class RequestingExtensions
{
    /// <summary>A requester for all topics; keep it.</summary>
    public static Requester CreateRequester(this IBroker broker, RequesterOptions? options = null, TimeProvider? time = null) => new(broker, options, time);

    /// <summary>Starts a <see cref="Responder"/>; it answers until it is disposed.</summary>
    public static Responder Respond(
        this IBroker broker, TopicName topic, GroupName group, Func<Delivery, CancellationToken, Task<Message>> handle, ResponderOptions? options = null, TimeProvider? time = null) =>
        new(broker, topic, group, handle, options, time);
}
