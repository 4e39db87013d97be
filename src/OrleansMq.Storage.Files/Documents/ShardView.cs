using System.Text;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Documents;

/// <summary>A file of documents as whoever only looks at it sees it.</summary>
internal sealed class ShardView
{
    private readonly ReadOnlyMemory<byte> _file;
    private ShardView(string path, ReadOnlyMemory<byte> file, int shard, Func<ulong, long> knownEnd)
    {
        (Path, _file, Shard) = (path, file, shard);
        Scan = DocumentScan.Of(file, shard, knownEnd);
        Index = ShardIndex.Of(Scan);
    }

    public string Path { get; }

    public int Shard { get; }

    public DocumentScan Scan { get; }

    public ShardIndex Index { get; }

    /// <summary>What counts, also where a newer record may have been lost.</summary>
    public IEnumerable<DocumentRecord> Records => Index.Places.Select(place => DocumentRecord.Decode(_file[(int)place.Offset..], place.Offset, Shard)!.Value);

    public static string KeyOf(in DocumentRecord record) => Encoding.UTF8.GetString(record.Key.Span);

    public static Document DocumentOf(in DocumentRecord record) => new(record.Content, record.Version);

    /// <summary>How a document is called whose newest record is damaged: by its key, where that reads back.</summary>
    public string NameOf(KeyDigest key)
    {
        foreach (var span in Scan.Damage)
        {
            if (DocumentRecord.KeyIn(_file.Span[(int)span.From..(int)Math.Min(span.To, _file.Length)], span.From, Shard) is { } found && KeyDigest.Of(found) == key)
                return $"the document '{Encoding.UTF8.GetString(found)}'";
        }

        return $"the document whose key's SHA-256 begins with {key}";
    }

    /// <exception cref="DiskException">There is no such file, or it can't be read.</exception>
    /// <param name="believesEnds">Not where changes stand in the journal alone: the file is behind what is said of it then.</param>
    public static ShardView Read(IDisk disk, string documents, int shard, bool believesEnds = true)
    {
        var path = System.IO.Path.Join(documents, ShardNames.FileOf(shard));
        return new ShardView(path, disk.ReadWhole(path), shard, salt => believesEnds ? ShardEnds.Read(disk, documents, shard, salt) : 0);
    }
}
