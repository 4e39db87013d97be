using System.Buffers.Binary;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Repair;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq doctor</c>: looks at a data folder without a broker, and changes nothing unless it is told to.</summary>
internal static class DoctorCommand
{
    public static Command Build(Shell shell)
    {
        var folder = new Argument<string?>("DIR") { Description = "The broker's data folder. No broker may have it open.", Arity = ArgumentArity.ZeroOrOne, DefaultValueFactory = _ => null };
        var security = new Option<bool>("--security") { Description = "Look at a running broker instead, and list what is open and why. 1: something is." };
        var repair = new Option<bool>("--repair") { Description = "Mend what can be mended without losing anything, and look again. Files are copied beside the folder before they are changed. 0: clean afterwards, 1: something is left." };
        var acceptLoss = new Option<bool>("--accept-loss") { Description = "With --repair: also give up what can't be mended, and say what is lost by it (without, --repair only says what would be)." };
        var dry = new Option<bool>("--dry-run") { Description = "With --repair: only say what would be done, with what would be lost. Changes nothing." };
        var copies = new Option<string?>("--copies") { HelpName = "DIR", Description = "With --repair: where files are copied to. Default: DIR.before-repair-TIME." };
        return shell.Handle(new Command("doctor", "Read every frame of a data folder offline and say what is torn or damaged. Changes nothing without --repair. 0: clean, 1: damage found.") { folder, security, repair, acceptLoss, dry, copies }, async run =>
        {
            if (run.Get(security))
                return await SecurityDoctor.Run(run);
            var directory = run.Get(folder) ?? throw new UsageException("Which folder? Or --security, for a running broker.");
            if (!run.Get(repair) && (run.Get(acceptLoss) || run.Get(dry) || run.Get(copies) is not null))
                throw new UsageException("--accept-loss, --dry-run and --copies belong to --repair.");
            RepairReport? report = null;
            if (run.Get(repair))
                await LiveProgress.Show(run.Console, "repairing", () => (0, null), Task.Run(() => report = Repair(directory, run.Get(copies), run.Get(acceptLoss), run.Get(dry), run.Cancel), run.Cancel));
            var examination = new Examination(report);
            using var inspector = Inspector(directory, examination);
            if (inspector is not null)
                await LiveProgress.Show(run.Console, "frames read", () => (examination.Frames, null), Task.Run(() => examination.Run(inspector, run.Cancel), run.Cancel));
            if (run.Out.Json)
                run.Out.Line(examination.Shape());
            else
                Print(run.Out, examination);
            return examination.IsClean ? ExitCode.Done : ExitCode.DamageFound;
        });
    }

    /// <summary>Null where it can't be read, and there is the report of a repair to be told.</summary>
    private static LogInspector? Inspector(string directory, Examination examination)
    {
        try
        {
            return Opened(() => LogInspector.Open(directory));
        }
        catch (UsageException e) when (examination.Repair is not null)
        {
            examination.Problems.Add(e.Message);
            return null;
        }
    }

    private static RepairReport Repair(string folder, string? copies, bool acceptLoss, bool dry, CancellationToken cancel) => Opened(() =>
    {
        using var repair = FolderRepair.Open(folder, copies, TimeProvider.System.GetUtcNow());
        return repair.Run(acceptLoss, dry, cancel);
    });

    private static T Opened<T>(Func<T> open)
    {
        try
        {
            return open();
        }
        catch (Exception e) when (e is DataFolderException or DiskException)
        {
            throw new UsageException(e.Message);
        }
    }

    private static void Print(Printer output, Examination found)
    {
        var report = found.Repair;
        foreach (var step in report?.Done ?? [])
            output.Line($"{(report!.IsDry ? "would" : "repaired")}: {step}");
        foreach (var step in report?.Left ?? [])
            output.Line(step.Lost is null ? $"left: {step}" : $"left: {step.Path}: {step.What}. --accept-loss would give up: {step.Lost}");
        foreach (var step in report?.Notes ?? [])
            output.Line($"note: {step.Path}: {step.What}. --accept-loss would give up: {step.Lost}");
        if (report?.Copies is { } copies)
            output.Line($"copies: what was changed lies in {copies} as it was before");
        output.Table("partitions", ["topic", "partition", "epoch", "segments", "frames", "messages", "bytes", "state"], found.Logs.Select(Row));
        foreach (var note in found.Notes)
            output.Line($"note: {note}");
        foreach (var problem in found.Problems)
            output.Line($"damage: {problem}");
        output.Line(found.IsClean
            ? $"{found.Logs.Count} partitions and {found.Documents} documents: no damage"
            : $"{found.Logs.Count} partitions and {found.Documents} documents: {found.Problems.Count} of damage{(report is { Left.Count: > 0 and var left } ? $", {left} left by the repair" : "")}. A broker serves the rest; see docs/operations.md before changing a file");
    }

    private static IReadOnlyList<string> Row(ExaminedLog log) =>
    [
        log.Topic, Number(log.Found.Id.Partition), Number(log.Found.Epoch), Number(log.Found.Segments.Count), Number(log.Found.Tail?.Frames ?? 0),
        Number(log.Messages), Number(log.Bytes), log.State,
    ];

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>One log as found, with what its frames held.</summary>
/// <param name="Messages">Records in the main lane's batches up to the first bad place.</param>
internal sealed record ExaminedLog(LogInspection Found, long Messages)
{
    public string Topic => Found.Definition?.TopicName ?? Found.Id.TopicId.ToString("N");

    public long Bytes => Found.Segments.Sum(segment => segment.End - segment.Base);

    public string State => Found.Problems.Count > 0 ? "damaged" : Found.Tail is { Kind: LogTailKind.Torn } ? "torn" : "clean";
}

/// <summary>A walk through a whole data folder.</summary>
/// <param name="repair">What was done before it; null: nothing was.</param>
internal sealed class Examination(RepairReport? repair)
{
    private long _frames;

    public List<ExaminedLog> Logs { get; } = [];
    public List<string> Notes { get; } = [];
    public List<string> Problems { get; } = [];
    public int Documents { get; private set; }
    public long Frames => Volatile.Read(ref _frames);
    public RepairReport? Repair => repair;

    /// <summary>What a repair left need not be seen by reading frames: that they can't be replayed, or a document of which only a repair knows that it is needed.</summary>
    public bool IsClean => Problems.Count == 0 && repair is not { Left.Count: > 0 };

    public void Run(LogInspector inspector, CancellationToken cancel)
    {
        try
        {
            LookAtAll(inspector, cancel);
        }
        catch (DiskException e)
        {
            Problems.Add($"{e.Message}. What comes behind it was not looked at");
        }
    }

    private void LookAtAll(LogInspector inspector, CancellationToken cancel)
    {
        LookAtTheWhole(inspector);
        foreach (var id in inspector.Logs())
            Examine(inspector, id, cancel);
        Logs.Sort((a, b) => (a.Topic, a.Found.Id.Partition).CompareTo((b.Topic, b.Found.Id.Partition)));
        foreach (var document in inspector.Documents())
        {
            cancel.ThrowIfCancellationRequested();
            if (document.Key is not null)
                Documents++;
            if (document.Problem is { } problem)
                Problems.Add($"{document.Path}: {problem}");
        }
    }

    public Action<Utf8JsonWriter> Shape() => Printer.Fields([.. ShapeOfFound(), .. ShapeOfRepair()]);

    private void LookAtTheWhole(LogInspector inspector)
    {
        try
        {
            Problems.AddRange(inspector.Problems());
            Notes.AddRange(inspector.Notes());
        }
        catch (Exception e) when (e is StorageException or DiskException)
        {
            Problems.Add(e.Message);
        }
    }

    private (string Name, object Value)[] ShapeOfRepair() => repair is null ? [] :
    [
        ("repair", new
        {
            copies = repair.Copies,
            dryRun = repair.IsDry,
            done = repair.Done.Select(step => new { path = step.Path, what = step.What, lost = step.Lost }),
            notes = repair.Notes.Select(step => new { path = step.Path, what = step.What, lost = step.Lost }),
            left = repair.Left.Select(step => new { path = step.Path, what = step.What, lost = step.Lost }),
        }),
    ];

    private (string Name, object Value)[] ShapeOfFound() =>
    [
        ("clean", IsClean),
        ("documents", Documents),
        ("partitions", Logs.Select(log => new
        {
            topic = log.Topic,
            partition = log.Found.Id.Partition,
            folder = log.Found.Folder,
            epoch = log.Found.Epoch,
            segments = log.Found.Segments.Count,
            frames = log.Found.Tail?.Frames ?? 0,
            messages = log.Messages,
            bytes = log.Bytes,
            state = log.State,
            badFile = log.Found.BadFile,
            badOffset = log.Found.BadFile is null ? (long?)null : log.Found.BadOffset,
            problems = log.Found.Problems,
        })),
        ("notes", Notes),
        ("problems", Problems),
    ];

    private void Examine(LogInspector folder, LogId id, CancellationToken cancel)
    {
        long messages = 0;
        var log = new ExaminedLog(folder.Inspect(id, (in FrameHeader header, ReadOnlySpan<byte> payload) =>
        {
            cancel.ThrowIfCancellationRequested();
            _frames++;
            if (header.Kind == FrameKind.Batch && header.Lane == 0)
                messages += RecordCount(payload);
        }), 0);
        Logs.Add(log with { Messages = messages });
        Problems.AddRange(log.Found.Problems.Select(problem => $"{log.Topic} partition {id.Partition}: {problem}"));
        Notes.AddRange(Remarks(log).Select(note => $"{log.Topic} partition {id.Partition}: {note}"));
    }

    private static IEnumerable<string> Remarks(ExaminedLog log)
    {
        if (log.Found.Tail is { Kind: LogTailKind.Torn } torn && log.Found.Problems.Count == 0)
            yield return $"torn tail of {torn.Bytes} bytes at offset {log.Found.BadOffset} of {log.Found.BadFile}; the broker cuts it when it opens, nothing acknowledged as durable is in it";
        foreach (var snapshot in log.Found.Snapshots)
            if (!snapshot.IsWhole)
                yield return $"the snapshot at position {snapshot.Position} does not read back; an older one or the log itself stands in for it";
    }

    // The batch's record count, big-endian at its byte 57 (Kafka's RecordBatch v2).
    private static int RecordCount(ReadOnlySpan<byte> batch) =>
        batch.Length >= RecordBatch.HeaderSize ? BinaryPrimitives.ReadInt32BigEndian(batch[57..]) : 0;
}
