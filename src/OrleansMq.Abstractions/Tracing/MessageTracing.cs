using System.Diagnostics;
using System.Globalization;
using OrleansMq.Records;

namespace OrleansMq;

/// <summary>
/// Spans of messages under OpenTelemetry's names for messaging: where one is sent and where it is handled, tied together by the context that travels in its header
/// <c>traceparent</c>.
/// </summary>
/// <remarks>
/// Listen to the source <see cref="Name"/>; whoever listens samples. A message that is sent while a sampled activity is current carries its context also where nobody listens, unless it brings one.
/// Where nothing is sampled nothing is added to a message.
/// </remarks>
public static class MessageTracing
{
    /// <summary>Name of the <see cref="ActivitySource"/>.</summary>
    public const string Name = "OrleansMq";

    /// <summary>A handler of many messages has links to so many of their senders.</summary>
    public const int MaxLinks = 128;

    private static readonly ActivitySource Source = new(Name);

    /// <summary>Whether to look at all.</summary>
    internal static bool IsOn => Source.HasListeners() || Activity.Current is { Recorded: true };

    /// <summary>The span of a message's handling: in the trace of who sent it, and linked to the sending. Null where nobody samples it. For handlers of one's own; the consumers have it.</summary>
    public static Activity? StartProcess(TopicName topic, GroupName? group, StoredMessage message)
    {
        if (!Source.HasListeners())
            return null;
        var sender = SenderOf(message);
        var span = Source.StartActivity($"process {topic}", ActivityKind.Consumer, sender ?? default, links: sender is { } sent ? [new ActivityLink(sent)] : null);
        if (span is not { IsAllDataRequested: true })
            return span;
        span.SetTag("messaging.destination.partition.id", message.Position.Partition.ToString(CultureInfo.InvariantCulture));
        span.SetTag("messaging.message.id", message.Position.ToString());
        if (message is Delivery { DeliveryCount: > 1 and var deliveries })
            span.SetTag("orleansmq.delivery.count", deliveries);
        return Tag(span, "process", topic, group);
    }

    /// <summary>As above for several messages: a trace of its own, linked to the senders.</summary>
    public static Activity? StartProcess(TopicName topic, GroupName? group, IReadOnlyList<StoredMessage> messages)
    {
        if (!Source.HasListeners())
            return null;
        var links = messages.Select(SenderOf).OfType<ActivityContext>().Distinct().Take(MaxLinks).Select(sender => new ActivityLink(sender));
        var span = Source.StartActivity($"process {topic}", ActivityKind.Consumer, default(ActivityContext), links: links);
        if (span is not { IsAllDataRequested: true })
            return span;
        span.SetTag("messaging.batch.message_count", messages.Count);
        return Tag(span, "process", topic, group);
    }

    /// <summary>It ended with this.</summary>
    public static void Failed(Activity? span, Exception error)
    {
        if (span is null)
            return;
        span.SetTag("error.type", error is MqException refusal ? refusal.Code : error.GetType().FullName);
        span.SetStatus(ActivityStatusCode.Error, error.Message);
    }

    /// <summary>Sends in a span that ends when it is known what became of it.</summary>
    internal static Task<T> Sending<T>(TopicName topic, int messages, Func<Task<T>> send) => Within(() => StartSend(topic, messages), send);

    /// <summary>Handles in a span, where somebody listens.</summary>
    internal static Task Handling(Func<Activity?> start, Func<Task> handle) => !Source.HasListeners() ? handle() : Within(start, async () =>
    {
        await handle();
        return true;
    });

    /// <remarks>Async, so that the span is current in it and not in the caller behind it.</remarks>
    private static async Task<T> Within<T>(Func<Activity?> start, Func<Task<T>> work)
    {
        using var span = start();
        try
        {
            return await work();
        }
        catch (Exception e)
        {
            Failed(span, e);
            throw;
        }
    }

    private static Activity? StartSend(TopicName topic, int messages)
    {
        var span = Source.StartActivity($"send {topic}", ActivityKind.Producer);
        if (span is not { IsAllDataRequested: true })
            return span;
        if (messages > 1)
            span.SetTag("messaging.batch.message_count", messages);
        return Tag(span, "send", topic, null);
    }

    /// <summary>For a message whose sending nobody waits for.</summary>
    internal static Message Created(TopicName topic, Message message)
    {
        if (!IsOn)
            return message;
        using var span = Source.StartActivity($"create {topic}", ActivityKind.Producer);
        if (span is { IsAllDataRequested: true })
            Tag(span, "create", topic, null);
        return Stamped(message);
    }

    /// <summary>With the current context, where it is sampled and the message brings none.</summary>
    internal static Message Stamped(Message message) =>
        Activity.Current is { Recorded: true, IdFormat: ActivityIdFormat.W3C, Id: { } context } && !HasContext(message)
            ? message with { Headers = [.. message.Headers, new(ReservedHeaders.TraceParent, context)] }
            : message;

    internal static IReadOnlyList<Message> Stamped(IReadOnlyList<Message> messages) =>
        Activity.Current is { Recorded: true } ? [.. messages.Select(message => message is null ? message! : Stamped(message))] : messages;

    /// <summary>Of the header with the context, as whoever traces writes it; 0 where there is none. It is the first of its name: any other is content.</summary>
    internal static int ContextBytes(Message message)
    {
        foreach (var header in message.Headers)
            if (header.Key == ReservedHeaders.TraceParent)
                return MessageText.ByteCount(header.Value, "header's value") == ReservedHeaders.TraceParentLength ? ReservedHeaders.TraceParent.Length + ReservedHeaders.TraceParentLength : 0;
        return 0;
    }

    private static bool HasContext(Message message)
    {
        foreach (var header in message.Headers)
            if (header.Key == ReservedHeaders.TraceParent)
                return true;
        return false;
    }

    private static ActivityContext? SenderOf(StoredMessage message)
    {
        foreach (var header in message.Headers)
            if (header.Key == ReservedHeaders.TraceParent)
                return ActivityContext.TryParse(header.Value, null, isRemote: true, out var context) ? context : null;
        return null;
    }

    private static Activity Tag(Activity span, string operation, TopicName topic, GroupName? group)
    {
        span.SetTag("messaging.system", "orleansmq");
        span.SetTag("messaging.operation.name", operation);
        span.SetTag("messaging.operation.type", operation);
        span.SetTag("messaging.destination.name", topic.Text);
        if (group is { } named)
            span.SetTag("messaging.consumer.group.name", named.Text);
        return span;
    }
}
