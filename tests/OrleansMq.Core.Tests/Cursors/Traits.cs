using OrleansMq.Core.Cursors;

namespace OrleansMq.Core.Tests.Cursors;

/// <summary>What is offered to a cursor, in short.</summary>
internal static class Traits
{
    public static MessageTraits Of(int priority, ulong share = 0, ulong key = 0, int cost = 1) => new(key, share, cost, priority);

    /// <summary>Messages of which only the keys count.</summary>
    public static void Offer(this QueueCursor cursor, long from, ReadOnlySpan<ulong> keys)
    {
        var traits = new MessageTraits[keys.Length];
        for (var i = 0; i < traits.Length; i++)
            traits[i] = Of(Message.DefaultPriority, key: keys[i]);
        cursor.Offer(from, traits);
    }
}
