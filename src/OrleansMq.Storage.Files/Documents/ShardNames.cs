using System.Globalization;
using OrleansMq.Records;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Documents;

/// <summary>Which of the files of documents a key lies in, and how they are called.</summary>
internal static class ShardNames
{
    public const int Count = 256;

    private const string Ending = ".docs";

    public static int Of(ReadOnlySpan<byte> key) => (int)(Crc32C.Compute(key) % Count);

    public static string FileOf(int shard) => FormerFolderOf(shard) + Ending;

    /// <summary>Where earlier versions had a file for each document.</summary>
    public static string FormerFolderOf(int shard) => shard.ToString("x2", CultureInfo.InvariantCulture);

    /// <summary>The shards that have a file.</summary>
    public static IEnumerable<int> In(IDisk disk, string documents)
    {
        foreach (var entry in disk.ListOrEmpty(documents))
        {
            if (int.TryParse(Path.GetFileNameWithoutExtension(entry.Name), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var shard) && shard is >= 0 and < Count && entry.Name == FileOf(shard))
                yield return shard;
        }
    }
}
