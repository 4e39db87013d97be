using System.Buffers.Binary;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Documents;

/// <summary>
/// One folder of documents. Its <c>floor</c> (a <see cref="SlotFile"/> whose content begins with an i64) is the highest version that
/// was ever deleted here: a new document begins above it, so that a key's versions never come again.
/// </summary>
/// <remarks>
/// One call at a time, readers too: a document that is renamed but not yet durable must not be seen. If a name is left in doubt by a
/// failed flush, the shard answers nothing more until the folder is opened again.
/// </remarks>
/// <param name="number">Its place among the shards; the floor's owner is one above it.</param>
internal sealed class DocumentShard(IDisk disk, string folder, int number)
{
    public const string FloorName = "floor";

    /// <summary>Above any version that a lost floor can have held.</summary>
    internal const long Doubt = 1L << 32;

    private readonly Lock _turn = new();
    private bool _loaded;
    private long _floor;
    private ulong _floorSequence;
    private LogFailedException? _over;

    private ulong FloorOwner => OwnerOf(number);

    private string FloorPath => Path.Join(folder, FloorName);

    public Document? Get(string key, byte[] keyBytes) => InTurn(() => Load() ? Read(key, PathOf(keyBytes)) : null);

    public long Put(string key, byte[] keyBytes, ReadOnlyMemory<byte> content, long expectedVersion) => InTurn(() =>
    {
        LoadOrMake();
        var path = PathOf(keyBytes);
        var present = Expect(key, path, expectedVersion)?.Version ?? 0;
        var version = Math.Max(present, _floor) + 1;
        disk.Replace(path, DocumentFile.EncodeHeader(keyBytes, version, content.Span), content);
        return version;
    });

    /// <summary>The floor is durable before the document goes.</summary>
    public void Delete(string key, byte[] keyBytes, long expectedVersion) => InTurn(() =>
    {
        var path = PathOf(keyBytes);
        var present = Load() ? Expect(key, path, expectedVersion) : null;
        if (present is null)
            throw new DocumentConflictException($"Document '{key}' is gone; version {expectedVersion} was expected.");
        RaiseFloor(present.Version);
        disk.Remove(path);
        disk.FlushNames(folder);
        return true;
    });

    private Document? Expect(string key, string path, long expectedVersion)
    {
        var present = Read(key, path);
        return (present?.Version ?? 0) == expectedVersion
            ? present
            : throw new DocumentConflictException($"Document '{key}' has version {present?.Version ?? 0}; {expectedVersion} was expected.");
    }

    private Document? Read(string key, string path)
    {
        try
        {
            return DocumentFile.Decode(disk.ReadWhole(path)) is { } found && found.Key == key
                ? found.Document
                : throw new LogDamagedException($"{path}: the document '{key}' does not read back as written. Restore the file from a copy.");
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            return null;
        }
    }

    private void LoadOrMake()
    {
        if (Load())
            return;
        disk.MakeDirectoryDurably(folder);
        disk.Replace(FloorPath, SlotFile.New(FloorContent(0), FloorOwner));
        // All there is was flushed just now: nothing of it has to be looked at again.
        (_floor, _floorSequence, _loaded) = (0, SlotFile.FirstSequence, true);
    }

    /// <summary>
    /// Looks at the folder once: names a crash left in the page cache are flushed before anyone is told of them, files that were
    /// not finished are removed.
    /// </summary>
    /// <returns>False if there is nothing yet.</returns>
    private bool Load()
    {
        if (_loaded)
            return true;
        var entries = disk.ListOrEmpty(folder);
        if (entries.All(entry => entry.Name != Path.GetFileName(FloorPath)))
            return NothingYet(entries);
        disk.FlushNames(Path.GetDirectoryName(folder)!);
        disk.FlushNames(folder);
        foreach (var entry in entries.Where(entry => entry.Name.EndsWith(Durably.TemporaryEnding, StringComparison.Ordinal)))
            disk.RemoveIfPossible(Path.Join(folder, entry.Name));
        SlotFile.Settle(disk, FloorPath, FloorOwner);
        var slot = SlotFile.Read(disk.ReadWhole(FloorPath), FloorPath, FloorOwner);
        _floor = BinaryPrimitives.ReadInt64LittleEndian(slot.Content.Span) + (slot.OtherUnreadable ? Doubt : 0);
        _floorSequence = slot.Sequence + (slot.OtherUnreadable ? 2UL : 0UL);
        _loaded = true;
        return true;
    }

    private bool NothingYet(IReadOnlyList<DiskEntry> entries) =>
        entries.Any(entry => entry.Name.EndsWith(DocumentFile.Ending, StringComparison.Ordinal))
            ? throw new LogDamagedException($"{FloorPath} is missing beside documents. Restore the file from a copy.")
            : false;

    private void RaiseFloor(long version)
    {
        var floor = Math.Max(_floor, version);
        SlotFile.Write(disk, FloorPath, FloorContent(floor), _floorSequence + 1, FloorOwner);
        _floorSequence++;
        _floor = floor;
    }

    internal static ulong OwnerOf(int number) => (ulong)number + 1;

    internal static byte[] FloorContent(long floor)
    {
        var content = new byte[SlotFile.ContentSize];
        BinaryPrimitives.WriteInt64LittleEndian(content, floor);
        return content;
    }

    private string PathOf(byte[] key) => Path.Join(folder, DocumentFile.FileName(key));

    private T InTurn<T>(Func<T> job)
    {
        lock (_turn)
        {
            if (_over is { } failed)
                throw new LogFailedException(failed.Message, failed.InnerException);
            try
            {
                return job();
            }
            catch (DiskException e) when (e.IsRefusal)
            {
                throw new LogFullException($"Documents {folder}: {e.Message}. Nothing changed.", e);
            }
            catch (DiskException e)
            {
                throw _over = new LogFailedException($"Documents {folder}: {e.Message}. Nothing more is answered until the storage is opened again.", e);
            }
        }
    }
}
