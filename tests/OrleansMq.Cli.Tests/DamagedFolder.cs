using System.Text;

namespace OrleansMq.Cli.Tests;

/// <summary>A copy of a <see cref="LeftFolder"/>, to be damaged.</summary>
internal sealed class DamagedFolder : IDisposable
{
    private readonly string _around = Directory.CreateTempSubdirectory("mq-damaged-").FullName;

    public DamagedFolder(string original)
    {
        Path = System.IO.Path.Join(_around, "data");
        foreach (var file in Directory.EnumerateFiles(original, "*", SearchOption.AllDirectories))
        {
            var copy = System.IO.Path.Join(Path, System.IO.Path.GetRelativePath(original, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    public string Path { get; }

    public IReadOnlyList<string> Segments => All("*.seg");

    public string Manifest => All("manifest").Single();

    /// <summary>Where the manifest's newer slot stands; the other stands at 4096 less that.</summary>
    public int NewerSlot => Sequence(4096) > Sequence(0) ? 4096 : 0;

    private long Sequence(int slot) => BitConverter.ToInt64(Read(Manifest), slot + 8);

    /// <summary>Where repairs put what they changed.</summary>
    public IReadOnlyList<string> Copies => Directory.GetDirectories(_around, "data.before-repair-*");

    public string TopicDocument => All("d-topics%2ft.doc").Single();

    public string Floor => System.IO.Path.Join(System.IO.Path.GetDirectoryName(TopicDocument), "floor");

    public IReadOnlyList<string> All(string pattern) => [.. Directory.EnumerateFiles(Path, pattern, SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    public static void Flip(string file, long at) => Write(file, at, [(byte)(Read(file)[at] ^ 1)]);

    public static void Write(string file, long at, ReadOnlySpan<byte> bytes)
    {
        using var open = File.OpenHandle(file, FileMode.Open, FileAccess.Write);
        RandomAccess.Write(open, bytes, at);
    }

    public static void Cut(string file, long bytes)
    {
        using var open = File.OpenHandle(file, FileMode.Open, FileAccess.Write);
        RandomAccess.SetLength(open, RandomAccess.GetLength(open) - bytes);
    }

    /// <summary>Turns a bit of a text that stands in a segment.</summary>
    public void FlipIn(string text)
    {
        var segment = Segments.First(file => Read(file).AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0);
        Flip(segment, Read(segment).AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)));
    }

    public void ForgetSnapshots()
    {
        foreach (var snapshot in All("snapshot-*"))
            File.Delete(snapshot);
    }

    public Dictionary<string, byte[]> Bytes() => All("*").ToDictionary(file => file, Read);

    public static byte[] Read(string file) => File.ReadAllBytes(file);

    public void Dispose() => Directory.Delete(_around, recursive: true);
}
