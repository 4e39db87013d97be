using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Documents;

/// <summary>Where each document of a shard stands, and of which that is not known.</summary>
internal sealed class ShardIndex
{
    /// <summary>Above any version that a lost record can have held.</summary>
    private const long Doubt = 1L << 32;

    private readonly Dictionary<KeyDigest, Place> _places = [];

    // Of these the newest record is damaged.
    private readonly HashSet<KeyDigest> _damaged = [];

    // Once records of unknown keys were lost: the keys that were written since. Any other may have had one of them.
    private HashSet<KeyDigest>? _certain;

    public static ShardIndex Of(DocumentScan scan)
    {
        var index = new ShardIndex();
        var spans = scan.Damage.ToLookup(span => span.Preceding);
        for (var i = 0; i <= scan.Records.Count; i++)
        {
            foreach (var span in spans[i])
                index.Lose(span);
            if (i < scan.Records.Count)
                index.Add(scan.Records[i]);
        }

        if (index.IsDamaged)
            index.Floor = scan.Records.Select(placed => placed.Record.Version).Prepend(index.Floor).Max() + Doubt;
        return index;
    }

    /// <summary>The highest version that was ever deleted here: a new document begins above it, so that a key's versions never come again.</summary>
    public long Floor { get; private set; }

    /// <summary>Bytes of what counts.</summary>
    public long Live { get; private set; }

    /// <summary>Whether something does not read back, whosever it was.</summary>
    public bool IsDamaged { get; private set; }

    /// <summary>Keys whose newest record is damaged.</summary>
    public IReadOnlyCollection<KeyDigest> Damaged => _damaged;

    /// <summary>Whether records were lost of which nobody knows whose they were.</summary>
    public bool LostUnknown => _certain is not null;

    public int Count => _places.Count;

    /// <summary>In the order of the file.</summary>
    public IEnumerable<Place> Places => _places.Values.OrderBy(place => place.Offset);

    public Place? Find(KeyDigest key) => _places.TryGetValue(key, out var place) ? place : null;

    /// <summary>Whether a record that was lost may have been this key's newest.</summary>
    public bool IsInDoubt(KeyDigest key) => _damaged.Contains(key) || _certain?.Contains(key) == false;

    public void Add(in PlacedRecord placed)
    {
        var (offset, record) = placed;
        if (record.Kind == DocumentRecordKind.Beginning)
        {
            Floor = Math.Max(Floor, record.Version);
            Live += record.Size;
            return;
        }

        var key = record.Digest;
        _damaged.Remove(key);
        _certain?.Add(key);
        if (_places.Remove(key, out var former))
            Live -= former.Size;
        if (record.Kind == DocumentRecordKind.Delete)
        {
            Floor = Math.Max(Floor, record.Version);
            return;
        }

        _places[key] = new Place(offset, record.Size);
        Live += record.Size;
    }

    private void Lose(in DamagedSpan span)
    {
        IsDamaged = true;
        if (span.Only is { } only)
        {
            // A beginning says only from where versions go on.
            if (only != default)
                _damaged.Add(only);
            return;
        }

        _damaged.Clear();
        _certain = [];
    }

    /// <summary>Of a record; kept small, for there is one for each document there is.</summary>
    internal readonly record struct Place
    {
        private readonly int _unit;
        private readonly int _units;

        public Place(long offset, int size) => (_unit, _units) = ((int)(offset / DocumentRecord.Unit), size / DocumentRecord.Unit);

        public long Offset => (long)_unit * DocumentRecord.Unit;

        public int Size => _units * DocumentRecord.Unit;
    }
}
