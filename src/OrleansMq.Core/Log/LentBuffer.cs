using System.Buffers;

namespace OrleansMq.Core.Log;

/// <summary>
/// A large buffer for reading a log, lent by the pool: one made for each reading would be cleared first, and is large enough that each few of them
/// cause a collection of everything. What it holds at first is anybody's.
/// </summary>
public sealed class LentBuffer(int bytes) : IDisposable
{
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(bytes);

    public int Length { get; private set; } = bytes;

    public Span<byte> Span => _bytes.AsSpan(0, Length);

    public Memory<byte> Memory => _bytes.AsMemory(0, Length);

    /// <summary>Larger, with what it holds. Slices taken before are void.</summary>
    public void Grow(int bytes)
    {
        var larger = ArrayPool<byte>.Shared.Rent(bytes);
        Span.CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        (_bytes, Length) = (larger, bytes);
    }

    /// <summary>Gives it back; slices must be out of use. Again does nothing.</summary>
    public void Dispose()
    {
        if (Length == 0)
            return;
        ArrayPool<byte>.Shared.Return(_bytes);
        (_bytes, Length) = ([], 0);
    }
}
