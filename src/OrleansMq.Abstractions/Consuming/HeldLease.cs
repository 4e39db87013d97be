namespace OrleansMq;

/// <summary>A delivery that this consumer holds, waiting or being handled.</summary>
internal sealed class HeldLease(Delivery delivery)
{
    public Delivery Delivery => delivery;

    /// <summary>When it was granted or last extended, by the consumer's own timestamps.</summary>
    public long Since { get; set; }

    /// <summary>The broker has ended it: the message is somebody else's, or soon will be.</summary>
    public bool IsLost { get; set; }
}

/// <summary>A key as far as order goes: the bytes, in their partition.</summary>
internal readonly struct OrderKey(int partition, ReadOnlyMemory<byte> key) : IEquatable<OrderKey>
{
    private readonly int _partition = partition;
    private readonly ReadOnlyMemory<byte> _key = key;

    public bool Equals(OrderKey other) => _partition == other._partition && _key.Span.SequenceEqual(other._key.Span);

    public override bool Equals(object? obj) => obj is OrderKey other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(_partition);
        hash.AddBytes(_key.Span);
        return hash.ToHashCode();
    }
}
