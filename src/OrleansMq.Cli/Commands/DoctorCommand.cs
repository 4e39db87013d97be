using System.Buffers.Binary;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;
using OrleansMq.Storage.Files;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq doctor</c>: looks at a data folder without a broker, and changes nothing.</summary>
internal static class DoctorCommand
{
    public static Command Build(Shell shell)
    {
        var folder = new Argument<string?>("DIR") { Description = "The broker's data folder. No broker may have it open.", Arity = ArgumentArity.ZeroOrOne, DefaultValueFactory = _ => null };
        var security = new Option<bool>("--security") { Description = "Look at a running broker instead, and list what is open and why. 1: something is." };
        return shell.Handle(new Command("doctor", "Read every frame of a data folder offline and say what is torn or damaged. Changes nothing. 0: clean, 1: damage found.") { folder, security }, async run =>
        {
            if (run.Get(security))
                return await SecurityDoctor.Run(run);
            using var inspector = Open(run.Get(folder) ?? throw new UsageException("Which folder? Or --security, for a running broker."));
            var examination = new Examination(inspector);
            await LiveProgress.Show(run.Console, "frames read", () => (examination.Frames, null), Task.Run(() => examination.Run(run.Cancel), run.Cancel));
            if (run.Out.Json)
                run.Out.Line(examination.Shape());
            else
                Print(run.Out, examination);
            return examination.IsClean ? ExitCode.Done : ExitCode.DamageFound;
        });
    }

    private static LogInspector Open(string folder)
    {
        try
        {
            return LogInspector.Open(folder);
        }
        catch (DataFolderException e)
        {
            throw new UsageException(e.Message);
        }
    }

    private static void Print(Printer output, Examination found)
    {
        output.Table("partitions", ["topic", "partition", "epoch", "segments", "frames", "messages", "bytes", "state"], found.Logs.Select(Row));
        foreach (var note in found.Notes)
            output.Line($"note: {note}");
        foreach (var problem in found.Problems)
            output.Line($"damage: {problem}");
        output.Line(found.IsClean
            ? $"{found.Logs.Count} partitions and {found.Documents} documents: no damage"
            : $"{found.Logs.Count} partitions and {found.Documents} documents: {found.Problems.Count} of damage. A broker serves the rest; see docs/operations.md before changing a file");
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
internal sealed class Examination(LogInspector inspector)
{
    private long _frames;

    public List<ExaminedLog> Logs { get; } = [];
    public List<string> Notes { get; } = [];
    public List<string> Problems { get; } = [];
    public int Documents { get; private set; }
    public long Frames => Volatile.Read(ref _frames);
    public bool IsClean => Problems.Count == 0;

    public void Run(CancellationToken cancel)
    {
        foreach (var id in inspector.Logs())
            Examine(inspector, id, cancel);
        Logs.Sort((a, b) => (a.Topic, a.Found.Id.Partition).CompareTo((b.Topic, b.Found.Id.Partition)));
        foreach (var document in inspector.Documents())
        {
            cancel.ThrowIfCancellationRequested();
            if (document.Key is not null || document.Problem is not null)
                Documents++;
            if (document.Problem is { } problem)
                Problems.Add($"{document.Path}: {problem}");
        }
    }

    public Action<Utf8JsonWriter> Shape() => Printer.Fields(
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
        ("problems", Problems));

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
