using System.Buffers;

namespace OrleansMq.Storage.Files.Journaling;

/// <summary>What was written into a file since its last flush: the bytes as long as they are few, and always how many and from where on.</summary>
internal sealed class UnflushedWrites : IDisposable
{
    private readonly List<(long Offset, int Length)> _ranges = [];
    private byte[] _bytes = [];
    private int _kept;

    public bool IsEmpty => Count == 0;

    /// <summary>Bytes in all.</summary>
    public long Count { get; private set; }

    /// <summary>The lowest offset written to, and the end of the highest.</summary>
    public long From { get; private set; } = long.MaxValue;

    public long To { get; private set; }

    /// <summary>There were too many bytes to keep.</summary>
    public bool AreDropped => _kept < Count;

    public void Add(ReadOnlySpan<byte> bytes, long offset, bool keep)
    {
        (From, To) = (Math.Min(From, offset), Math.Max(To, offset + bytes.Length));
        if (keep && !AreDropped)
            Keep(bytes, offset);
        else
            Drop();
        Count += bytes.Length;
    }

    /// <summary>The ranges in the order in which they were written.</summary>
    public IEnumerable<(long Offset, ReadOnlyMemory<byte> Bytes)> Ranges()
    {
        var at = 0;
        foreach (var (offset, length) in _ranges)
        {
            yield return (offset, _bytes.AsMemory(at, length));
            at += length;
        }
    }

    public void Dispose()
    {
        Drop();
        (Count, From, To) = (0, long.MaxValue, 0);
    }

    private void Keep(ReadOnlySpan<byte> bytes, long offset)
    {
        if (_kept + bytes.Length > _bytes.Length)
            Grow(_kept + bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(_kept));
        _kept += bytes.Length;
        if (_ranges.Count > 0 && _ranges[^1] is var last && last.Offset + last.Length == offset)
            _ranges[^1] = (last.Offset, last.Length + bytes.Length);
        else
            _ranges.Add((offset, bytes.Length));
    }

    private void Grow(int length)
    {
        var larger = ArrayPool<byte>.Shared.Rent(length);
        _bytes.AsSpan(0, _kept).CopyTo(larger);
        Return();
        _bytes = larger;
    }

    private void Drop()
    {
        Return();
        _ranges.Clear();
        _kept = 0;
    }

    private void Return()
    {
        if (_bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
    }
}
