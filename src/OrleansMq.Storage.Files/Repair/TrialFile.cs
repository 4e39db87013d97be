using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>A file of a trial: pages that were written, and the real file where none were. Pages of zeros are one and the same.</summary>
internal sealed class TrialFile(Func<IDiskFile>? real) : IDiskFile
{
    private const int PageBytes = 4096;

    private static readonly byte[] Zeros = new byte[PageBytes];

    private readonly Dictionary<long, byte[]> _pages = [];
    private IDiskFile? _real;
    private int _users;

    /// <summary>Up to here the real file's bytes count.</summary>
    private long _realEnd = -1;

    private long _length;

    public long Length
    {
        get
        {
            Look();
            return _length;
        }
    }

    public TrialFile Use()
    {
        _users++;
        return this;
    }

    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        Look();
        _length = Math.Max(_length, offset + bytes.Length);
        while (!bytes.IsEmpty)
        {
            var (number, at) = Math.DivRem(offset, PageBytes);
            var count = (int)Math.Min(bytes.Length, PageBytes - at);
            var piece = bytes[..count];
            if (count == PageBytes && !piece.ContainsAnyExcept((byte)0))
                _pages[number] = Zeros;
            else
                piece.CopyTo(PageToWrite(number).AsSpan((int)at));
            bytes = bytes[count..];
            offset += count;
        }
    }

    public int Read(Span<byte> destination, long offset)
    {
        Look();
        var (number, at) = Math.DivRem(offset, PageBytes);
        var count = (int)Math.Min(Math.Min(destination.Length, PageBytes - at), Math.Max(0, _length - offset));
        if (_pages.TryGetValue(number, out var page))
            page.AsSpan((int)at, count).CopyTo(destination);
        else
            ReadReal(destination[..count], offset);
        return count;
    }

    public bool TryReadCached(Span<byte> destination, long offset, out int count)
    {
        count = Read(destination, offset);
        return true;
    }

    public void Flush()
    {
    }

    public void SetLength(long length)
    {
        Look();
        if (length < _length)
        {
            foreach (var number in _pages.Keys.Where(number => number * PageBytes >= length).ToList())
                _pages.Remove(number);
            if (length % PageBytes is > 0 and var kept && _pages.ContainsKey(length / PageBytes))
                PageToWrite(length / PageBytes).AsSpan((int)kept).Clear();
        }

        (_length, _realEnd) = (length, Math.Min(_realEnd, length));
    }

    public void Reserve(long offset, long count)
    {
    }

    public void Dispose()
    {
        if (--_users > 0)
            return;
        _real?.Dispose();
        _real = null;
    }

    private byte[] PageToWrite(long number)
    {
        if (_pages.TryGetValue(number, out var page) && page != Zeros)
            return page;
        var made = new byte[PageBytes];
        if (page is null)
            ReadReal(made, number * PageBytes);
        return _pages[number] = made;
    }

    /// <summary>Zeros where there is nothing.</summary>
    private void ReadReal(Span<byte> destination, long offset)
    {
        destination.Clear();
        var count = (int)Math.Clamp(_realEnd - offset, 0, destination.Length);
        if (count > 0)
            _real!.ReadUpTo(destination[..count], offset);
    }

    private void Look()
    {
        _real ??= real?.Invoke();
        if (_realEnd < 0)
            _realEnd = _length = _real?.Length ?? 0;
    }
}
