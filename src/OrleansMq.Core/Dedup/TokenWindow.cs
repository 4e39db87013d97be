using System.Buffers;
using System.Numerics;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Dedup;

/// <summary>
/// The tokens stored lately in one partition and the offset each stands at, bounded by number and age, whichever ends first.
/// </summary>
/// <remarks>
/// A ring of chunks in the order of arrival (32 bytes a token) under an index of ring places (open addressing, at most half full:
/// 8 to 16 bytes a token), so a million tokens take about 40 MB. Chunks are reused: nothing is allocated for a token once the window has its size.
/// </remarks>
public sealed class TokenWindow
{
    /// <summary>64 KB: below the large object heap.</summary>
    private const int ChunkTokens = 2048;

    /// <summary>An index larger than this goes when the window runs empty after a flood.</summary>
    private const int LargeIndex = 1 << 16;

    private const byte FormatVersion = 1;
    private const int SmallIndex = 16;
    private const int Nothing = 0;

    /// <summary>The chunk emptied last: a full window that turns over allocates nothing.</summary>
    private Remembered[]? spare;

    private int maxCount;
    private long maxAgeMs;

    /// <summary>Chunk <c>i</c> of the ring is <c>chunks[i % chunks.Length]</c>.</summary>
    private Remembered[]?[] chunks = new Remembered[4][];

    /// <summary>Places in the ring of the oldest token and behind the newest.</summary>
    private long head, tail;

    /// <summary>For a token's hash the low 32 bits of its place, plus 1; 0 is none. At most half full.</summary>
    private uint[] index = new uint[SmallIndex];

    /// <summary>Tokens in the index: those in the ring except where a later one has the same hash.</summary>
    private int indexed;

    /// <param name="maxCount">0: nothing is remembered.</param>
    public TokenWindow(int maxCount, long maxAgeMs) => (this.maxCount, this.maxAgeMs) = (maxCount, maxAgeMs);

    /// <summary>Tokens held, with those that are too old but not yet forgotten.</summary>
    public int Count => (int)(tail - head);

    /// <summary>Tokens that had to be forgotten for their number before their age.</summary>
    public long ForgottenEarly { get; private set; }

    /// <summary>The offset of the message that had this token within the window.</summary>
    public bool TryFind(TokenHash token, long nowMs, out long offset)
    {
        offset = -1;
        if (Find(token) is not { } slot)
            return false;
        ref readonly var found = ref At(PlaceOf(index[slot]));
        if (IsOld(found.AtMs, nowMs))
            return false;
        offset = found.Offset;
        return true;
    }

    /// <summary>A message with this token was stored. It is a fact of the log: the newest of equal tokens counts.</summary>
    /// <param name="atMs">When; not before the one remembered last.</param>
    public void ApplyRemembered(TokenHash token, long offset, long atMs)
    {
        if (maxCount == 0)
            return;
        Expire(atMs);
        while (Count >= maxCount)
            ForgetFirst(early: true);
        if (tail % ChunkTokens == 0)
            AddChunk();
        At(tail) = new Remembered { Token = token, Offset = offset, AtMs = atMs };
        IndexNewest(token);
    }

    /// <summary>Forgets what is too old. Follows from the clock and is not logged.</summary>
    public void Expire(long nowMs)
    {
        while (head < tail && IsOld(At(head).AtMs, nowMs))
            ForgetFirst(early: false);
    }

    /// <summary>Changes the limits while it runs.</summary>
    public void Limit(int maxCount, long maxAgeMs, long nowMs)
    {
        (this.maxCount, this.maxAgeMs) = (maxCount, maxAgeMs);
        Expire(nowMs);
        while (Count > maxCount)
            ForgetFirst(early: true);
        if (Count == 0)
        {
            spare = null;
            chunks = new Remembered[4][];
            index = new uint[SmallIndex];
        }
    }

    /// <summary>After an unclean end the log is shorter: tokens at <paramref name="laneEnd"/> and beyond were not stored.</summary>
    public void ClampTo(long laneEnd)
    {
        var kept = Enumerable.Range(0, Count).Select(i => At(head + i)).Where(r => r.Offset < laneEnd).ToList();
        while (head < tail)
            ForgetFirst(early: false);
        foreach (var remembered in kept)
            ApplyRemembered(remembered.Token, remembered.Offset, remembered.AtMs);
    }

    /// <summary><code>version u8 = 1 | forgotten early i64 | tokens, oldest first: count u32, each: hash 2 x u64 | offset i64 | at i64</code></summary>
    public void Save(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Byte(FormatVersion);
        writer.Int64(ForgottenEarly);
        writer.Count(Count);
        for (var place = head; place < tail; place++)
        {
            ref readonly var remembered = ref At(place);
            writer.UInt64(remembered.Token.First);
            writer.UInt64(remembered.Token.Second);
            writer.Int64(remembered.Offset);
            writer.Int64(remembered.AtMs);
        }
    }

    /// <exception cref="StateFormatException">The bytes are not such a window.</exception>
    public static TokenWindow Load(ref StateReader reader, int maxCount, long maxAgeMs)
    {
        reader.Version(FormatVersion, "token window");
        var window = new TokenWindow(maxCount, maxAgeMs);
        var forgottenEarly = reader.Natural();
        for (var n = reader.Count(32); n > 0; n--)
            window.ApplyRemembered(new TokenHash(reader.UInt64(), reader.UInt64()), reader.Int64(), reader.Int64());
        window.ForgottenEarly += forgottenEarly;
        return window;
    }

    private bool IsOld(long atMs, long nowMs) => atMs <= nowMs - maxAgeMs;

    private ref Remembered At(long place) => ref chunks[place / ChunkTokens % chunks.Length]![place % ChunkTokens];

    /// <summary>The full place of an index entry: the one in the ring that has these low bits.</summary>
    private long PlaceOf(uint entry) => head + (entry - 1 - (uint)head);

    private static uint EntryOf(long place) => (uint)place + 1;

    private int Home(TokenHash token) => (int)token.Second & (index.Length - 1);

    private int? Find(TokenHash token)
    {
        for (var slot = Home(token); index[slot] != Nothing; slot = (slot + 1) & (index.Length - 1))
            if (At(PlaceOf(index[slot])).Token == token)
                return slot;
        return null;
    }

    private void IndexNewest(TokenHash token)
    {
        // The one place in 2^32 whose entry would read as "none" stays out of the index: its token is not recognised.
        var entry = EntryOf(tail);
        if (entry != Nothing)
        {
            if (Find(token) is { } slot)
                index[slot] = entry;
            else
            {
                if ((indexed + 1) * 2 > index.Length)
                    GrowIndex();
                Place(entry, token);
                indexed++;
            }
        }
        tail++;
    }

    private void Place(uint entry, TokenHash token)
    {
        var slot = Home(token);
        while (index[slot] != Nothing)
            slot = (slot + 1) & (index.Length - 1);
        index[slot] = entry;
    }

    private void GrowIndex()
    {
        var old = index;
        index = new uint[(int)BitOperations.RoundUpToPowerOf2((uint)old.Length * 2)];
        foreach (var entry in old)
            if (entry != Nothing)
                Place(entry, At(PlaceOf(entry)).Token);
    }

    private void ForgetFirst(bool early)
    {
        if (Find(At(head).Token) is { } slot && PlaceOf(index[slot]) == head)
        {
            ForgottenEarly += early ? 1 : 0;
            RemoveFromIndex(slot);
        }
        head++;
        if (head % ChunkTokens == 0 || head == tail)
            FreeChunk((head - 1) / ChunkTokens);
    }

    private void RemoveFromIndex(int slot)
    {
        var mask = index.Length - 1;
        for (var next = (slot + 1) & mask; index[next] != Nothing; next = (next + 1) & mask)
        {
            if (((next - Home(At(PlaceOf(index[next])).Token)) & mask) < ((next - slot) & mask))
                continue;
            index[slot] = index[next];
            slot = next;
        }
        index[slot] = Nothing;
        indexed--;
    }

    private void AddChunk()
    {
        if (tail / ChunkTokens - head / ChunkTokens >= chunks.Length)
        {
            var grown = new Remembered[chunks.Length * 2][];
            for (var chunk = head / ChunkTokens; chunk < tail / ChunkTokens; chunk++)
                grown[chunk % grown.Length] = chunks[chunk % chunks.Length]!;
            chunks = grown;
        }
        chunks[tail / ChunkTokens % chunks.Length] = spare ?? new Remembered[ChunkTokens];
        spare = null;
    }

    private void FreeChunk(long chunk)
    {
        ref var freed = ref chunks[chunk % chunks.Length];
        (spare, freed) = (freed, null);
        if (head < tail)
            return;
        head = tail = (tail + ChunkTokens - 1) / ChunkTokens * ChunkTokens;
        if (index.Length > LargeIndex)
            index = new uint[SmallIndex];
    }

    private struct Remembered
    {
        public TokenHash Token;
        public long Offset;
        public long AtMs;
    }
}
