using System.Numerics;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Cursors;

/// <summary>
/// A set of offsets: a directory of pages of 1,024 bits. An empty page is null, a full one is shared, so a hundred million settled
/// messages behind one stuck message cost a directory of 800 KB. Not per-message garbage: emptied pages are kept for the next.
/// </summary>
internal sealed class OffsetSet
{
    public const int PageOffsets = 1024;
    private const int PageWords = PageOffsets / 64;
    private const int SparePages = 4;

    /// <summary>17 thousand million offsets between the lowest and the highest; beyond it only our own bug can be.</summary>
    public const int MaxGroups = 1 << 18;

    private static readonly Page Full = Page.AllSet();

    /// <summary>Page <c>i</c> holds the offsets from (<see cref="firstPage"/> + i) * 1,024. Never an empty <see cref="Page"/>.</summary>
    private Page?[] pages = [];

    /// <summary>Bit i: <c>pages[i]</c> is not null. One word for each group of 64 pages.</summary>
    private ulong[] used = [];

    /// <summary>A multiple of 64.</summary>
    private long firstPage;

    private readonly Stack<Page> spare = new(SparePages);

    public long Count { get; private set; }

    public bool Contains(long offset)
    {
        if (Count == 0)
            return false;
        var index = offset / PageOffsets - firstPage;
        return (ulong)index < (ulong)pages.Length && pages[index] is { } page && (page.Words[WordOf(offset)] & BitOf(offset)) != 0;
    }

    /// <returns>Whether it was not there before.</returns>
    public bool Add(long offset)
    {
        var index = Reserve(offset / PageOffsets);
        var page = pages[index];
        if (page is null)
            page = Place(index, spare.TryPop(out var pooled) ? pooled : new Page());
        ref var word = ref page.Words[WordOf(offset)];
        if ((word & BitOf(offset)) != 0)
            return false;
        word |= BitOf(offset);
        Count++;
        if (++page.Count == PageOffsets)
            Fill(index);
        return true;
    }

    /// <summary>Adds all from <paramref name="from"/> to below <paramref name="end"/>.</summary>
    public void AddRange(long from, long end)
    {
        while (from < end)
        {
            if (from % PageOffsets != 0 || end - from < PageOffsets)
            {
                Add(from++);
                continue;
            }
            var index = Reserve(from / PageOffsets);
            Count += PageOffsets - (pages[index]?.Count ?? 0);
            if (pages[index] is null)
                Place(index, Full);
            else
                Fill(index);
            from += PageOffsets;
        }
    }

    public bool Remove(long offset)
    {
        if (!Contains(offset))
            return false;
        var index = (int)(offset / PageOffsets - firstPage);
        var page = pages[index]!;
        if (page == Full)
            page = pages[index] = Page.AllSet();
        page.Words[WordOf(offset)] &= ~BitOf(offset);
        Count--;
        if (--page.Count == 0)
            Empty(index);
        return true;
    }

    /// <summary>Removes all from <paramref name="from"/> to below <paramref name="end"/>; the cost is that of the pages touched.</summary>
    /// <returns>How many there were.</returns>
    public long RemoveRange(long from, long end)
    {
        var before = Count;
        for (var at = NextSet(from); at >= 0 && at < end; at = NextSet(at))
        {
            var index = (int)(at / PageOffsets - firstPage);
            var pageStart = (firstPage + index) * PageOffsets;
            if (from <= pageStart && pageStart + PageOffsets <= end)
            {
                Count -= pages[index]!.Count;
                Empty(index);
            }
            else
                Remove(at);
        }
        return before - Count;
    }

    public void Clear()
    {
        for (var i = 0; i < pages.Length; i++)
            if (pages[i] is not null)
                Empty(i);
        Count = 0;
    }

    /// <summary>The lowest member at or above <paramref name="from"/>, or -1.</summary>
    public long NextSet(long from)
    {
        if (Count == 0)
            return -1;
        from = Math.Max(from, firstPage * PageOffsets);
        var index = from / PageOffsets - firstPage;
        if (index >= pages.Length)
            return -1;
        if (pages[index] is { } page && page.FirstSet((int)(from % PageOffsets)) is var bit and >= 0)
            return from / PageOffsets * PageOffsets + bit;
        var next = NextUsed((int)index + 1);
        return next < 0 ? -1 : (firstPage + next) * PageOffsets + pages[next]!.FirstSet(0);
    }

    /// <summary>The lowest offset at or above <paramref name="from"/> that is no member.</summary>
    public long NextClear(long from)
    {
        while (Count > 0)
        {
            var index = from / PageOffsets - firstPage;
            if ((ulong)index >= (ulong)pages.Length || pages[index] is not { } page)
                return from;
            if (page != Full && page.FirstClear((int)(from % PageOffsets)) is var bit and >= 0)
                return from / PageOffsets * PageOffsets + bit;
            from = (from / PageOffsets + 1) * PageOffsets;
        }
        return from;
    }

    /// <summary>
    /// <code>section count u32 | sections, ascending
    /// section: kind u8 | first page i64 | kind 0: number of full pages i32 · kind 1: 16 words u64 of one page</code>
    /// </summary>
    public void Save(StateWriter writer)
    {
        var sections = 0;
        for (var at = NextUsed(0); at >= 0; at = NextUsed(at + FullRun(at)))
            sections++;
        writer.Count(sections);
        for (var at = NextUsed(0); at >= 0; at = NextUsed(at + FullRun(at)))
        {
            writer.Byte((byte)(pages[at] == Full ? 0 : 1));
            writer.Int64(firstPage + at);
            if (pages[at] == Full)
                writer.Int32(FullRun(at));
            else
                foreach (var word in pages[at]!.Words)
                    writer.UInt64(word);
        }
    }

    public static OffsetSet Load(ref StateReader reader)
    {
        const long maxPage = long.MaxValue / PageOffsets - MaxGroups * 64L;
        var set = new OffsetSet();
        var lowest = -1L;
        for (var n = reader.Count(13); n > 0; n--)
        {
            var kind = reader.Byte();
            var page = reader.Natural();
            lowest = lowest < 0 ? page : lowest;
            StateReader.Check(kind <= 1 && page >= lowest && page <= maxPage && page - lowest < MaxGroups * 64L - 64, "A set of offsets has a section of an unknown kind or out of place.");
            if (kind == 0)
            {
                var run = reader.Int32();
                StateReader.Check(run > 0 && page - lowest + run < MaxGroups * 64L - 64, "A set of offsets has a run of no length or out of range.");
                set.AddRange(page * PageOffsets, (page + run) * PageOffsets);
                continue;
            }
            for (var w = 0; w < PageWords; w++)
                for (var word = reader.UInt64(); word != 0; word &= word - 1)
                    set.Add(page * PageOffsets + w * 64 + BitOperations.TrailingZeroCount(word));
        }
        return set;
    }

    private static int WordOf(long offset) => (int)(offset % PageOffsets) >> 6;

    private static ulong BitOf(long offset) => 1UL << (int)(offset & 63);

    private int FullRun(int index)
    {
        var end = index + 1;
        if (pages[index] == Full)
            while (end < pages.Length && pages[end] == Full)
                end++;
        return end - index;
    }

    private int NextUsed(int index)
    {
        for (var group = index >> 6; group < used.Length; group++, index = group << 6)
        {
            var bits = used[group] >> (index & 63);
            if (bits != 0)
                return index + BitOperations.TrailingZeroCount(bits);
        }
        return -1;
    }

    private Page Place(int index, Page page)
    {
        used[index >> 6] |= 1UL << (index & 63);
        return pages[index] = page;
    }

    private void Fill(int index)
    {
        Spare(pages[index]!);
        pages[index] = Full;
    }

    private void Empty(int index)
    {
        Spare(pages[index]!);
        pages[index] = null;
        used[index >> 6] &= ~(1UL << (index & 63));
    }

    private void Spare(Page page)
    {
        if (page == Full || spare.Count == SparePages)
            return;
        page.Reset();
        spare.Push(page);
    }

    /// <summary>Makes the directory reach the page, sliding it past groups that are empty before it grows.</summary>
    private int Reserve(long page)
    {
        var index = page - firstPage;
        if ((ulong)index < (ulong)pages.Length)
            return (int)index;
        var group = page / 64;
        int firstUsed = NextUsed(0) >> 6, lastUsed = used.Length - 1;
        while (lastUsed >= 0 && used[lastUsed] == 0)
            lastUsed--;
        var low = firstUsed < 0 ? group : Math.Min(group, firstPage / 64 + firstUsed);
        var high = firstUsed < 0 ? group : Math.Max(group, firstPage / 64 + lastUsed);
        if (high - low >= MaxGroups)
            throw new InvalidOperationException($"Offset {page * PageOffsets} is too far from the others of its cursor ({low * 64 * PageOffsets} onwards).");
        var length = Math.Max(used.Length, (int)BitOperations.RoundUpToPowerOf2((uint)(high - low + 1)));
        var (newPages, newUsed) = (length == used.Length ? pages : new Page?[length * 64], length == used.Length ? used : new ulong[length]);
        if (firstUsed >= 0)
        {
            var (to, count) = ((int)(firstPage / 64 + firstUsed - low), lastUsed - firstUsed + 1);
            Array.Copy(pages, firstUsed * 64, newPages, to * 64, count * 64);
            Array.Copy(used, firstUsed, newUsed, to, count);
            ClearOutside(newPages, to * 64, count * 64);
            ClearOutside(newUsed, to, count);
        }
        (pages, used, firstPage) = (newPages, newUsed, low * 64);
        return (int)(page - firstPage);
    }

    private static void ClearOutside<T>(T[] array, int from, int count)
    {
        Array.Clear(array, 0, from);
        Array.Clear(array, from + count, array.Length - from - count);
    }

    private sealed class Page
    {
        public readonly ulong[] Words = new ulong[PageWords];

        /// <summary>Bits set.</summary>
        public int Count;

        public static Page AllSet()
        {
            var page = new Page { Count = PageOffsets };
            Array.Fill(page.Words, ulong.MaxValue);
            return page;
        }

        public void Reset()
        {
            Array.Clear(Words);
            Count = 0;
        }

        public int FirstSet(int from) => First(from, 0);

        public int FirstClear(int from) => First(from, ulong.MaxValue);

        private int First(int from, ulong flip)
        {
            var word = from >> 6;
            for (var bits = (Words[word] ^ flip) >> (from & 63) << (from & 63); ; bits = Words[word] ^ flip)
            {
                if (bits != 0)
                    return (word << 6) + BitOperations.TrailingZeroCount(bits);
                if (++word == PageWords)
                    return -1;
            }
        }
    }
}
