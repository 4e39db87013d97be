namespace OrleansMq;

/// <summary>A message, or several that stay together, on the way into a batch.</summary>
/// <param name="Message">The first: it chooses the partition.</param>
/// <param name="ContentBytes">Of the largest.</param>
/// <param name="Size">Of all, as <see cref="Publishing.RecordBytes"/> counts.</param>
/// <param name="Together">All of them where they are several.</param>
internal readonly record struct Outgoing(Message Message, PendingMessage Pending, int ContentBytes, int Size, Outgoing[]? Together = null)
{
    /// <exception cref="MqException">No topic takes such a message.</exception>
    public static Outgoing Of(Message message, PendingMessage pending)
    {
        MessageCodec.Validate(message);
        var bytes = MessageCodec.SizeOf(message);
        return new Outgoing(message, pending, MessageCodec.CountedOf(message, bytes), Publishing.RecordBytes(message, bytes));
    }

    /// <exception cref="MqException">No topic takes one of them, or only some are half messages.</exception>
    public static Outgoing Of(IReadOnlyList<Message> messages, TaskCompletionSource<PublishResult>[] completions)
    {
        var all = new Outgoing[messages.Count];
        for (var i = 0; i < all.Length; i++)
            all[i] = Of(messages[i], new PendingMessage(completions[i], messages[i]) { StaysWithLast = i > 0 });
        if (messages.Any(message => message.Half is null != messages[0].Half is null))
            throw new MqException(ErrorCodes.Malformed, "Half messages and others are not sent together.");
        // Far beyond every topic's limit, which names itself where these are appended.
        var size = (int)Math.Min(all.Sum(each => (long)each.Size), int.MaxValue / 2);
        return all.Length == 1 ? all[0] : new Outgoing(messages[0], all[0].Pending, all.Max(each => each.ContentBytes), size, all);
    }

    public void Refused(MqException why, Action<Message, MqException>? onRefused)
    {
        if (Together is null)
            Pending.Refused(why, onRefused);
        else
            foreach (var each in Together)
                each.Pending.Refused(why, onRefused);
    }

    public void Cancelled(CancellationToken cancel)
    {
        if (Together is null)
            Pending.Completion?.TrySetCanceled(cancel);
        else
            foreach (var each in Together)
                each.Pending.Completion?.TrySetCanceled(cancel);
    }
}
