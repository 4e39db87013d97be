namespace OrleansMq.Streaming;

/// <summary>
/// Between events and messages: how an event becomes a body, and a body an event. Register your own under the provider's name
/// (<c>services.AddKeyedSingleton&lt;IStreamDataAdapter&gt;("name", …)</c>) on silos and clients alike.
/// </summary>
public interface IStreamDataAdapter
{
    /// <summary>The message for an event. Key, idempotency token and request context are added by the provider.</summary>
    Message Write<T>(StreamId stream, T item);

    /// <summary>The event in a message. What it throws counts as the subscriber's refusal.</summary>
    T Read<T>(StreamId stream, StreamEvent message);
}
