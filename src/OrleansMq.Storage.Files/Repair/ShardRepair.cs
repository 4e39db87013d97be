using System.Buffers.Binary;
using System.Globalization;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>Mends one folder of documents: its floor always, and of the documents that of a topic, which its logs repeat.</summary>
internal sealed class ShardRepair(RepairContext context, string shard, Func<string, ReadOnlyMemory<byte>?> firstDefinition)
{
    /// <summary>Above any version that a lost slot can have held; as the broker does it.</summary>
    private const long DoubtOfASlot = 1L << 32;

    /// <summary>The same where both are lost, and the floor may have been raised for lost slots before.</summary>
    private const long DoubtOfAFloor = 1L << 40;

    private readonly string _folder = Path.Join(context.Folder.Documents, shard);

    private string FloorPath => Path.Join(_folder, DocumentShard.FloorName);

    public void Run()
    {
        if (!ulong.TryParse(shard, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var number))
            return;
        var names = context.Disk.List(_folder).Where(entry => entry.Name.EndsWith(DocumentFile.Ending, StringComparison.Ordinal)).Select(entry => entry.Name).ToList();
        var versions = names.ToDictionary(name => name, name => VersionOf(name));
        var floor = MendFloor(number + 1, versions.Values.Max() ?? 0, names.Count > 0);
        foreach (var (name, version) in versions)
            if (version is null)
                MendDocument(name, floor);
    }

    private long? VersionOf(string name) =>
        DocumentFile.Decode(context.Disk.ReadWhole(Path.Join(_folder, name))) is var (key, document) && DocumentFile.FileName(DocumentFile.KeyBytes(key)) == name ? document.Version : null;

    private long MendFloor(ulong owner, long newest, bool hasDocuments)
    {
        if (!context.Disk.Exists(FloorPath))
            return hasDocuments ? MakeFloor(owner, newest, "it was missing") : 0;
        var file = context.Disk.ReadWhole(FloorPath);
        SlotFile.Slot slot;
        try
        {
            slot = SlotFile.Read(file, FloorPath, owner);
        }
        catch (LogDamagedException)
        {
            return MakeFloor(owner, newest, "neither of its slots read back");
        }

        var floor = BinaryPrimitives.ReadInt64LittleEndian(slot.Content.Span) + (slot.OtherUnreadable ? DoubtOfASlot : 0);
        if (slot.OtherUnreadable)
        {
            context.Copies.Keep(FloorPath);
            SlotFile.Write(context.Disk, FloorPath, Content(floor), slot.Sequence + 3, owner);
            context.Report.Did(FloorPath, "the slot that did not read back was written anew; versions go on above any that it can have held");
        }

        if (!SlotFile.GapsAreEmpty(context.Disk.ReadWhole(FloorPath)))
        {
            context.Copies.Keep(FloorPath);
            SlotFile.ClearGaps(context.Disk, FloorPath);
            context.Report.Did(FloorPath, "what stood between its slots was made zeros again");
        }

        return floor;
    }

    private long MakeFloor(ulong owner, long newest, string why)
    {
        var floor = newest + DoubtOfAFloor;
        context.Replace(FloorPath, SlotFile.New(Content(floor), owner));
        context.Report.Did(FloorPath, $"{why}; it was made again, above any version that it can have held");
        return floor;
    }

    private void MendDocument(string name, long floor)
    {
        var path = Path.Join(_folder, name);
        var key = name.StartsWith("d-", StringComparison.Ordinal) ? Uri.UnescapeDataString(name[2..^DocumentFile.Ending.Length]) : null;
        if (key is null || !key.StartsWith("topics/", StringComparison.Ordinal) || firstDefinition(key["topics/".Length..]) is not { } definition)
        {
            context.Report.Leave(path, $"the document{(key is null ? "" : $" '{key}'")} does not read back, and what it said stands nowhere else. Restore it from a copy");
            return;
        }

        var lost = $"topic '{key["topics/".Length..]}', settings that were changed since it was made";
        if (!context.MayLose(path, "the topic's document does not read back", lost))
            return;
        var keyBytes = DocumentFile.KeyBytes(key);
        context.Replace(path, DocumentFile.EncodeHeader(keyBytes, floor + DoubtOfASlot, definition.Span), definition);
        context.Report.Did(path, "the topic's document was made again as it was when the topic was made", lost);
    }

    private static byte[] Content(long floor)
    {
        var content = new byte[SlotFile.ContentSize];
        BinaryPrimitives.WriteInt64LittleEndian(content, floor);
        return content;
    }
}
