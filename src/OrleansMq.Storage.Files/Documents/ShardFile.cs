using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Documents;

/// <summary>A file of documents, written whole: what counts and nothing else.</summary>
internal sealed class ShardFile
{
    private readonly int _shard;
    private readonly List<ReadOnlyMemory<byte>> _pieces = [];

    /// <param name="shard">Its place among the shards.</param>
    /// <param name="salt">Drawn for this file.</param>
    /// <param name="floor">New documents' versions begin above it.</param>
    public ShardFile(int shard, ulong salt, long floor)
    {
        _shard = shard;
        Salt = salt;
        Add(new DocumentRecord(DocumentRecordKind.Beginning, salt, 1, floor, default, default, default));
    }

    public ShardIndex Index { get; } = new();

    public ulong Salt { get; }

    public ulong Sequence { get; private set; }

    /// <summary>The key of the last record.</summary>
    public KeyDigest Last { get; private set; }

    public long Length { get; private set; }

    public ReadOnlySpan<ReadOnlyMemory<byte>> Pieces => _pieces.ToArray();

    public void Add(long version, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> content) =>
        Add(new DocumentRecord(DocumentRecordKind.Put, Salt, Sequence + 1, version, Last, key, content));

    private void Add(in DocumentRecord record)
    {
        _pieces.Add(record.Encode(Length, _shard));
        Index.Add(new PlacedRecord(Length, record));
        (Sequence, Last, Length) = (record.Sequence, record.Digest, Length + record.Size);
    }
}
