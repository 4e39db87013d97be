namespace OrleansMq.Core.Cursors;

public sealed class KeyedQueueCursor : QueueCursor
{
    public KeyedQueueCursor(long start, Redelivery rules) : base(start, rules) { }
    public long Scanned => throw new NotImplementedException();
}
