namespace OrleansMq;

/// <summary>Sending in a span, for whoever listens.</summary>
public sealed partial class Producer
{
    private async Task<PublishResult> SendTraced(Message message, CancellationToken cancel)
    {
        using var span = MessageTracing.StartSend(_topic, 1);
        try
        {
            return await SendNow(MessageTracing.Stamped(message), cancel);
        }
        catch (Exception e)
        {
            MessageTracing.Failed(span, e);
            throw;
        }
    }

    private async Task<IReadOnlyList<PublishResult>> SendTogetherTraced(IReadOnlyList<Message> messages, CancellationToken cancel)
    {
        using var span = MessageTracing.StartSend(_topic, messages.Count);
        try
        {
            return await SendTogetherNow(MessageTracing.Stamped(messages), cancel);
        }
        catch (Exception e)
        {
            MessageTracing.Failed(span, e);
            throw;
        }
    }
}
