namespace OrleansMq.Trials.Damage;

/// <summary>Damages a folder as disks, people and programs do.</summary>
internal sealed class Damages(PreparedFolder folder, Random random)
{
    private static readonly int[] Sizes = [64, 512, 4096];

    private readonly Dictionary<string, byte[]?> _changed = new(StringComparer.Ordinal);
    private readonly List<string> _told = [];

    public string What => string.Join("; ", _told);

    /// <summary>Null: the file is gone.</summary>
    public IReadOnlyDictionary<string, byte[]?> Changed => _changed;

    public SortedSet<string> Kinds { get; } = [];

    public void Add()
    {
        var (path, whole) = Pick();
        if ((_changed.TryGetValue(path, out var changed) ? changed : whole) is not { Length: > 0 } there)
            return;
        var (kind, bytes) = Damaged(path, (byte[])there.Clone());
        Kinds.Add(kind);
        _told.Add($"{kind} {path}");
        _changed[path] = bytes;
    }

    private (string Kind, byte[]? Bytes) Damaged(string path, byte[] bytes)
    {
        var size = Math.Min(bytes.Length, Sizes[random.Next(Sizes.Length)]);
        // Half at a place that a page begins at, half anywhere.
        var at = random.Next(bytes.Length - size + 1);
        at = random.Next(2) == 0 ? at : at / 512 * 512;
        switch (random.Next(8))
        {
            case 0 or 1:
                var (place, bit) = (random.Next(bytes.Length), random.Next(8));
                bytes[place] ^= (byte)(1 << bit);
                return ($"bit", bytes);
            case 2:
                bytes.AsSpan(at, size).Clear();
                return ("zeros", bytes);
            case 3:
                random.NextBytes(bytes.AsSpan(at, size));
                return ("noise", bytes);
            case 4:
                return ("short", bytes[..random.Next(bytes.Length)]);
            case 5 when path.Contains("/logs/", StringComparison.Ordinal):
                return ("gone", null);
            case 6:
                var from = random.Next(bytes.Length - size + 1);
                bytes.AsSpan(from, size).ToArray().CopyTo(bytes.AsSpan(at));
                return ("block twice", bytes);
            default:
                var other = Pick().Bytes;
                var count = Math.Min(size, other.Length);
                other.AsSpan(random.Next(other.Length - count + 1), count).CopyTo(bytes.AsSpan(Math.Min(at, bytes.Length - count)));
                return ("another file's block", bytes);
        }
    }

    /// <summary>Segments most often, and the newest of a log as often as all others of it.</summary>
    private (string Path, byte[] Bytes) Pick()
    {
        var files = folder.Files.Where(file => file.Bytes.Length > 0).ToList();
        if (random.Next(10) == 0)
            return files[random.Next(files.Count)];
        var log = folder.Logs[random.Next(folder.Logs.Count)];
        var mine = files.FindAll(file => file.Path.StartsWith(log.Folder + "/", StringComparison.Ordinal));
        return random.Next(4) switch
        {
            0 => mine.Find(file => file.Path == log.LastSegment),
            1 => mine[random.Next(mine.Count)],
            _ => mine.FindAll(file => file.Path.EndsWith(".seg", StringComparison.Ordinal)) is var segments ? segments[random.Next(segments.Count)] : default,
        };
    }
}
