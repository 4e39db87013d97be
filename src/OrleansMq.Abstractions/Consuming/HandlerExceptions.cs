namespace OrleansMq;

/// <summary>Thrown by a handler: this message will never succeed, it goes to dead letters now.</summary>
/// <param name="reason">Kept with the dead letter; at most 1,024 characters, the rest is cut.</param>
public sealed class DeadLetterException(string reason, Exception? inner = null) : Exception(reason, inner)
{
    public string Reason => Message.Length <= 1024 ? Message : Message[..1024];
}

/// <summary>Thrown by a handler: deliver this message again, after a delay of its own choice.</summary>
/// <param name="delay">Null: the group's back-off.</param>
public sealed class RefuseException(TimeSpan? delay = null) : Exception("The handler refused the message for now.")
{
    public TimeSpan? Delay => delay;
}

/// <summary>Thrown by a handler: set this message aside. It is not delivered again before it is asked for by its position (<see cref="ReceiveRequest.Deferred"/>), which the handler keeps.</summary>
public sealed class DeferException() : Exception("The handler set the message aside.");
