using System.Buffers.Binary;
using System.Globalization;
using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>Mends one folder of documents: its floor always, and of the documents that of a topic, which its logs repeat.</summary>
internal sealed class ShardRepair(RepairContext context, string shard)
{
    /// <summary>The same where both are lost, and the floor may have been raised for lost slots before.</summary>
    private const long DoubtOfAFloor = 1L << 40;

    private static readonly TimeSpan ForEver = TimeSpan.FromDays(3_660);

    private readonly string _folder = Path.Join(context.Folder.Documents, shard);

    private string FloorPath => Path.Join(_folder, DocumentShard.FloorName);

    private ulong Owner => DocumentShard.OwnerOf(int.Parse(shard, NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    public void MendFloor()
    {
        if (!int.TryParse(shard, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out _))
            return;
        var names = context.Disk.List(_folder).Where(entry => entry.Name.EndsWith(DocumentFile.Ending, StringComparison.Ordinal)).Select(entry => entry.Name).ToList();
        MendFloor(Owner, names.Max(VersionOf) ?? 0, names.Count > 0);
    }

    private long? VersionOf(string name) =>
        DocumentFile.Decode(context.Disk.ReadWhole(Path.Join(_folder, name))) is var (key, document) && DocumentFile.FileName(DocumentFile.KeyBytes(key)) == name ? document.Version : null;

    private void MendFloor(ulong owner, long newest, bool hasDocuments)
    {
        if (!context.Disk.Exists(FloorPath))
        {
            if (hasDocuments)
                MakeFloor(owner, newest, "it was missing");
            return;
        }

        var file = context.Disk.ReadWhole(FloorPath);
        SlotFile.Slot slot;
        try
        {
            slot = SlotFile.Read(file, FloorPath, owner);
        }
        catch (LogDamagedException)
        {
            MakeFloor(owner, newest, "neither of its slots read back");
            return;
        }

        var floor = BinaryPrimitives.ReadInt64LittleEndian(slot.Content.Span) + (slot.OtherUnreadable ? DocumentShard.Doubt : 0);
        if (slot.OtherUnreadable)
        {
            context.Copies.Keep(FloorPath);
            SlotFile.Write(context.Disk, FloorPath, DocumentShard.FloorContent(floor), slot.Sequence + 3, owner);
            context.Report.Did(FloorPath, "the slot that did not read back was written anew; versions go on above any that it can have held");
        }

        if (!SlotFile.GapsAreEmpty(context.Disk.ReadWhole(FloorPath)))
        {
            context.Copies.Keep(FloorPath);
            SlotFile.ClearGaps(context.Disk, FloorPath);
            context.Report.Did(FloorPath, "what stood between its slots was made zeros again");
        }
    }

    private void MakeFloor(ulong owner, long newest, string why)
    {
        var floor = newest + DoubtOfAFloor;
        context.Replace(FloorPath, SlotFile.New(DocumentShard.FloorContent(floor), owner));
        context.Report.Did(FloorPath, $"{why}; it was made again, above any version that it can have held");
    }

    /// <param name="firstDefinition">A topic's document, by its key, as its logs repeat it.</param>
    public void MendDocument(string name, Func<string, ReadOnlyMemory<byte>?> firstDefinition)
    {
        var path = Path.Join(_folder, name);
        if (VersionOf(name) is not null)
            return;
        var key = name.StartsWith("d-", StringComparison.Ordinal) ? Uri.UnescapeDataString(name[2..^DocumentFile.Ending.Length]) : null;
        if (key is null || firstDefinition(key) is not { } definition)
        {
            context.Report.Leave(path, $"the document{(key is null ? "" : $" '{key}'")} does not read back, and what it said stands nowhere else. Restore it from a copy");
            return;
        }

        var made = Careful(definition);
        var json = made.ToJson();
        var keyBytes = DocumentFile.KeyBytes(key);
        context.Replace(path, DocumentFile.EncodeHeader(keyBytes, Floor() + DocumentShard.Doubt, json), json);
        context.Report.Did(path, "the topic's document was made again as it was when the topic was made, but that nothing is removed by age, size or key until that is set again",
            $"topic '{made.Name}', settings that were changed since it was made, and retention, limits with removal, time to live and compaction");
    }

    /// <summary>As it was made, a topic may remove what it has kept by a later setting: nothing is to go because settings were lost.</summary>
    private static TopicDocument Careful(ReadOnlyMemory<byte> definition)
    {
        var topic = TopicDocument.FromJson(definition.Span);
        return topic with
        {
            Settings = topic.Settings with
            {
                KeepUnsettled = true,
                Retention = ForEver,
                RetentionBytes = null,
                MaxMessages = null,
                MaxBytes = null,
                WhenFull = WhenFull.Refuse,
                TimeToLive = null,
                Compact = false,
            },
        };
    }

    private long Floor()
    {
        try
        {
            return BinaryPrimitives.ReadInt64LittleEndian(SlotFile.Read(context.Disk.ReadWhole(FloorPath), FloorPath, Owner).Content.Span);
        }
        catch (LogDamagedException)
        {
            return 0;
        }
    }
}
