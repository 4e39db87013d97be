namespace OrleansMq.Core.Cursors;

/// <summary>A change of one key's state, as it stands in the log.</summary>
/// <param name="State">Null: there is none any more. Empty: there is none, and none of the partition that had the key before counts either.</param>
public sealed record SessionWrite(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte>? State)
{
    public bool Equals(SessionWrite? other) =>
        other is not null && Key.Span.SequenceEqual(other.Key.Span) && State.HasValue == other.State.HasValue && (State ?? default).Span.SequenceEqual((other.State ?? default).Span);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Key.Span);
        hash.AddBytes((State ?? default).Span);
        return hash.ToHashCode();
    }
}
