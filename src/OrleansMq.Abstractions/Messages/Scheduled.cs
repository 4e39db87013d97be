namespace OrleansMq;

/// <summary>A message that waits for its time.</summary>
/// <param name="Id">Its token, else the name that the broker gave it.</param>
/// <param name="DeliverAt">Not before, by the broker's clock.</param>
/// <param name="Message">What will be delivered. Its position is none: offset -1.</param>
public sealed record ScheduledMessage(string Id, DateTimeOffset DeliverAt, StoredMessage Message)
{
    /// <summary>The partition that it will be delivered in.</summary>
    public int Partition => Message.Position.Partition;
}
