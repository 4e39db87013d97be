using System.Globalization;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Shared;

/// <summary>
/// Documents on a shared volume: a <see cref="SharedCell"/> each. A deleted one leaves its cell behind, with nothing in it, so that a
/// key's versions never come again.
/// </summary>
internal sealed class SharedDocuments(IDisk disk, IIoScheduler io, DataFolder place, Func<ulong> draw) : IDocuments
{
    private static readonly byte[] Deleted = "deleted"u8.ToArray();

    public async ValueTask<Document?> Get(string key)
    {
        var bytes = DocumentFile.KeyBytes(key);
        return await Run(key, () => Read(key, CellOf(bytes))?.Document);
    }

    public async ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion)
    {
        var keyBytes = DocumentFile.KeyBytes(key);
        return await Run(key, () => Put(key, keyBytes, bytes, expectedVersion));
    }

    public async ValueTask Delete(string key, long expectedVersion)
    {
        var bytes = DocumentFile.KeyBytes(key);
        await Run(key, () =>
        {
            var cell = CellOf(bytes);
            if (Read(key, cell) is not { Document: not null } present || present.Name.Version != expectedVersion)
                throw Conflict(key, expectedVersion);
            return cell.Replace(present.Name, cell.Next(present.Name), Deleted) ? 0L : throw Conflict(key, expectedVersion);
        });
    }

    private long Put(string key, byte[] keyBytes, ReadOnlyMemory<byte> content, long expectedVersion)
    {
        var cell = CellOf(keyBytes);
        if (Read(key, cell) is not { } present)
        {
            if (expectedVersion != 0)
                throw Conflict(key, expectedVersion);
            disk.MakeDirectoryDurably(Path.GetDirectoryName(cell.Folder)!);
            return cell.Make(place.Making, Encode(keyBytes, 1, content))?.Version ?? throw Conflict(key, expectedVersion);
        }
        if ((present.Document?.Version ?? 0) != expectedVersion)
            throw Conflict(key, expectedVersion);
        var next = cell.Next(present.Name);
        return cell.Replace(present.Name, next, Encode(keyBytes, next.Version, content)) ? next.Version : throw Conflict(key, expectedVersion);
    }

    private static (CellName Name, Document? Document)? Read(string key, SharedCell cell)
    {
        if (cell.Read() is not var (name, bytes))
            return null;
        if (bytes.AsSpan().SequenceEqual(Deleted))
            return (name, null);
        return DocumentFile.Decode(bytes) is { } found && found.Key == key && found.Document.Version == name.Version
            ? (name, found.Document)
            : throw new LogDamagedException($"{cell.Folder}: the document '{key}' does not read back as written. Restore the folder from a copy.");
    }

    private static byte[] Encode(byte[] key, long version, ReadOnlyMemory<byte> content) => [.. DocumentFile.EncodeHeader(key, version, content.Span), .. content.Span];

    private SharedCell CellOf(byte[] key) => new(
        disk,
        Path.Join(place.Documents, (Crc32C.Compute(key) & 0xFF).ToString("x2", CultureInfo.InvariantCulture), Path.GetFileNameWithoutExtension(DocumentFile.FileName(key))),
        draw);

    private static DocumentConflictException Conflict(string key, long expected) =>
        new($"Document '{key}' does not have version {expected} that was expected.");

    private async ValueTask<T> Run<T>(string key, Func<T> job)
    {
        try
        {
            return await io.Compute(job);
        }
        catch (DiskException e)
        {
            throw e.IsRefusal
                ? new LogFullException($"Document '{key}': {e.Message}. Nothing changed.", e)
                : new LogFailedException($"Document '{key}': {e.Message}. Whether it was changed is not known.", e);
        }
    }
}
