using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Journaling;

/// <summary>What the files of a journal hold that may not be in the files they speak of.</summary>
/// <param name="Records">In their order, each with its number; those that were settled are left out.</param>
/// <param name="LastRecord">The highest number that was given.</param>
/// <param name="LastBatch">Likewise, of batches.</param>
/// <param name="LastFile">Likewise, of files.</param>
internal sealed record JournalImage(IReadOnlyList<(long Number, JournalRecord Record)> Records, long LastRecord, long LastBatch, int LastFile)
{
    /// <exception cref="LogDamagedException">Batches that were durable are missing between others.</exception>
    public static JournalImage Read(IDisk disk, string folder)
    {
        var files = disk.ListOrEmpty(folder).Select(entry => JournalName.TryParse(entry.Name)).OfType<JournalName>().ToList();
        var batches = files.SelectMany(file => BatchesOf(disk, Path.Join(folder, file.ToString()), file.Salt)).OrderBy(batch => batch.Number).ToList();
        var read = batches.Select(batch => (Batch: batch, Records: JournalRecord.Decode(batch.Payload, folder).ToList())).ToList();
        var settled = read.SelectMany(batch => batch.Records).Where(record => record.Kind == JournalKind.Settled).Select(record => record.Offset).DefaultIfEmpty(0).Max();
        var left = read.Where(batch => batch.Batch.LastRecord > settled).ToList();
        Prove(folder, settled, [.. left.Select(batch => batch.Batch)]);
        return new JournalImage(
            [.. left.SelectMany(batch => batch.Records.Select((record, i) => (batch.Batch.FirstRecord + i, record))).Where(record => record.Item1 > settled)],
            batches.Count == 0 ? 0 : batches.Max(batch => batch.LastRecord),
            batches.Count == 0 ? 0 : batches[^1].Number,
            files.Select(file => file.Number).DefaultIfEmpty(0).Max());
    }

    private static IEnumerable<JournalBatch> BatchesOf(IDisk disk, string path, ulong salt) => JournalBatch.Find(disk.ReadWhole(path), salt, path);

    /// <summary>
    /// Writes again what was read, durably, before any of it is applied: its last batch may be in the page cache alone, and half of a change that nothing tells of must not be
    /// all that is left.
    /// </summary>
    public static void MakeCertain(IDisk disk, string folder)
    {
        foreach (var path in disk.ListOrEmpty(folder).Where(entry => JournalName.TryParse(entry.Name) is not null).Select(entry => Path.Join(folder, entry.Name)))
        {
            // Behind the batches there are zeros where it was not written yet.
            var bytes = disk.ReadWhole(path).AsSpan().TrimEnd((byte)0);
            using var file = disk.Open(path, DiskOpenMode.ReadWrite);
            file.OverwriteInUse(bytes, 0);
            file.FlushInUse();
        }
    }

    /// <summary>
    /// A batch is written when the one before it is durable. So the last may be torn, and is not there then; one that is missing before another was acknowledged.
    /// </summary>
    private static void Prove(string folder, long settled, List<JournalBatch> batches)
    {
        var expected = settled + 1;
        foreach (var batch in batches)
        {
            if (batch.FirstRecord > expected)
                throw new LogDamagedException($"{folder}: records {expected} to {batch.FirstRecord - 1} of the journal do not read back, and later ones do. Nothing is served, for what they changed is not known. Restore the data folder from a copy.");
            expected = batch.LastRecord + 1;
        }
    }
}
