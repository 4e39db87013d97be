using System.Numerics;

namespace OrleansMq.Storage.AzureBlobs.Logs;

/// <summary>Names a piece of a blob: bytes from <c>number × page size</c> on.</summary>
internal readonly record struct PageKey(string Blob, long Number);

/// <summary>
/// Bytes of log held for readers, over all logs: pages, the least recently used go first. What an append blob holds never changes, and names of blobs are never used again,
/// so a page can be short but not stale.
/// </summary>
internal sealed class PageCache(int pageBytes, long maxBytes)
{
    /// <summary>A run of bytes within a page, from <see cref="From"/> on; it only grows at its end.</summary>
    private sealed class Page(PageKey key, int from)
    {
        public readonly PageKey Key = key;
        public readonly int From = from;
        public byte[] Bytes = [];
        public int Count;
        public int End => From + Count;
    }

    private readonly Lock _gate = new();

    // Guarded by _gate: the pages by key, and by use, most recent first; the sum of their buffers.
    private readonly Dictionary<PageKey, LinkedListNode<Page>> _pages = [];
    private readonly LinkedList<Page> _byUse = [];
    private long _bytes;

    // Guarded by _gate: what is being fetched, so that many readers of one page cost one request.
    private readonly Dictionary<(PageKey Key, int End), Task<byte[]>> _fetching = [];

    public int PageBytes => pageBytes;

    /// <summary>Bytes held now; never above the bound when a call returns.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
                return _bytes;
        }
    }

    /// <summary>Copies what is there from an offset within the page on.</summary>
    /// <returns>How many bytes; 0 if that offset is not there.</returns>
    public int Read(PageKey key, int offset, Span<byte> destination)
    {
        lock (_gate)
        {
            if (!_pages.TryGetValue(key, out var node) || offset < node.Value.From || offset >= node.Value.End)
                return 0;
            Touch(node);
            var page = node.Value;
            var count = Math.Min(destination.Length, page.End - offset);
            page.Bytes.AsSpan(offset - page.From, count).CopyTo(destination);
            return count;
        }
    }

    public bool Holds(PageKey key, int end)
    {
        lock (_gate)
            return _pages.TryGetValue(key, out var node) && node.Value.From == 0 && node.Value.End >= end;
    }

    /// <summary>Takes in bytes of a blob from an offset on, over as many pages as they cover.</summary>
    public void Add(string blob, long offset, ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            while (!bytes.IsEmpty)
            {
                var key = new PageKey(blob, offset / pageBytes);
                var within = (int)(offset % pageBytes);
                var count = Math.Min(bytes.Length, pageBytes - within);
                AddToPage(key, within, bytes[..count]);
                bytes = bytes[count..];
                offset += count;
            }
            while (_bytes > maxBytes && _byUse.Last is { } oldest)
                Drop(oldest);
        }
    }

    /// <summary>Fetches a page's bytes up to an end, or joins whoever does already.</summary>
    public Task<byte[]> Fetch(PageKey key, int end, Func<Task<byte[]>> fetch)
    {
        lock (_gate)
        {
            if (_fetching.TryGetValue((key, end), out var under))
                return under;
            var task = FetchAndAdd(key, end, fetch);
            if (!task.IsCompleted)
                _fetching[(key, end)] = task;
            return task;
        }
    }

    private async Task<byte[]> FetchAndAdd(PageKey key, int end, Func<Task<byte[]>> fetch)
    {
        try
        {
            var bytes = await fetch();
            Add(key.Blob, key.Number * pageBytes, bytes);
            return bytes;
        }
        finally
        {
            lock (_gate)
                _fetching.Remove((key, end));
        }
    }

    private void AddToPage(PageKey key, int within, ReadOnlySpan<byte> bytes)
    {
        if (_pages.TryGetValue(key, out var node))
        {
            if (within >= node.Value.From && within + bytes.Length <= node.Value.End)
                return;
            if (within < node.Value.From || within > node.Value.End)
            {
                Drop(node);
                node = null;
            }
        }
        if (node is null)
        {
            node = _byUse.AddFirst(new Page(key, within));
            _pages[key] = node;
        }
        else
        {
            Touch(node);
        }
        var page = node.Value;
        var fresh = bytes[(page.End - within)..];
        Grow(page, page.Count + fresh.Length);
        fresh.CopyTo(page.Bytes.AsSpan(page.Count));
        page.Count += fresh.Length;
    }

    /// <summary>A small log holds little: buffers double up to the page's size.</summary>
    private void Grow(Page page, int needed)
    {
        if (needed <= page.Bytes.Length)
            return;
        var size = Math.Min((int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(needed, 1024)), pageBytes - page.From);
        var grown = new byte[size];
        page.Bytes.AsSpan(0, page.Count).CopyTo(grown);
        _bytes += grown.Length - page.Bytes.Length;
        page.Bytes = grown;
    }

    private void Touch(LinkedListNode<Page> node)
    {
        _byUse.Remove(node);
        _byUse.AddFirst(node);
    }

    private void Drop(LinkedListNode<Page> node)
    {
        _byUse.Remove(node);
        _pages.Remove(node.Value.Key);
        _bytes -= node.Value.Bytes.Length;
    }
}
