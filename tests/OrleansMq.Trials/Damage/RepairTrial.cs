using System.Text;
using OrleansMq.Core.Log;
using OrleansMq.Records;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Repair;

namespace OrleansMq.Trials.Damage;

/// <summary>What came of many repairs.</summary>
internal sealed class RepairTally
{
    public SortedDictionary<string, int> Damages { get; } = [];
    public SortedDictionary<string, int> Ways { get; } = [];
    public List<string> Violations { get; } = [];
    public int Rounds { get; set; }

    public override string ToString() => $"{Rounds} rounds, damages: {Told(Damages)}; came to: {Told(Ways)}; {Violations.Count} violations";

    public static void Count(SortedDictionary<string, int> into, string what) => into[what] = into.GetValueOrDefault(what) + 1;

    private static string Told(SortedDictionary<string, int> counts) => string.Join(", ", counts.Select(each => $"{each.Key} {each.Value}"));
}

/// <summary>
/// Damages a folder in one to three ways at random, repairs it, starts a broker on it and asks for everything: what was acknowledged is there or in what the reports name as lost, nothing
/// is there that never was, no offset is given again, a group gets all that it had not settled. In every other round the power goes at some call of the repair; then it is repaired again,
/// or a broker is started as it is.
/// </summary>
internal sealed class RepairTrial
{
    private readonly PreparedFolder _folder;
    private readonly Dictionary<string, int> _topics;
    private readonly Witness _whole;

    /// <summary>Of each partition: the lanes' frames (all but the main lane's batches).</summary>
    private readonly Dictionary<(string, int), List<(long Position, string Payload)>> _lanes = [];

    /// <summary>Every message that stands in a partition's log, also where it was deleted.</summary>
    private readonly Dictionary<(string, int), SortedDictionary<long, string>> _stored = [];

    /// <summary>Every dead letter that does, also where it was redriven or discarded.</summary>
    private readonly Dictionary<(string, int), SortedDictionary<long, string>> _letters = [];

    private readonly PlantedBug _plant;
    private const string Copies = "/copies";

    private RepairTrial(PreparedFolder folder, Dictionary<string, int> topics, Witness whole, PlantedBug plant)
    {
        (_folder, _topics, _whole, _plant) = (folder, topics, whole, plant);
        using var inspector = LogInspector.Open(PreparedFolder.Root, folder.Disk());
        foreach (var log in folder.Logs)
        {
            var frames = _lanes[(log.Topic, log.Partition)] = [];
            var (stored, letters) = (_stored[(log.Topic, log.Partition)] = [], _letters[(log.Topic, log.Partition)] = []);
            inspector.Inspect(new Engine.Storage.LogId(log.TopicId, log.Partition), (in FrameHeader header, ReadOnlySpan<byte> payload) =>
            {
                if (header.Kind != FrameKind.Batch)
                    return;
                if (header.Lane != Lane.Main)
                    frames.Add((header.Position, Encoding.Latin1.GetString(payload)));
                if (header.Lane == Lane.Main || Lane.IsDeadLetters(header.Lane))
                    foreach (var record in RecordBatch.ReadExactly(payload.ToArray()).Records())
                        (header.Lane == Lane.Main ? stored : letters)[record.Offset] = Witness.Text(log.Partition, record);
            });
            // Leases that have ended make letters in the background while the witness reads.
            foreach (var offset in whole.Partitions[(log.Topic, log.Partition)].Letters.Keys.Except(letters.Keys).ToList())
                whole.Partitions[(log.Topic, log.Partition)].Letters.Remove(offset);
        }
    }

    public static async Task<RepairTrial> Prepare(int seed, PlantedBug plant = PlantedBug.None)
    {
        var folder = await PreparedFolder.Rich(seed, killed: true);
        var topics = folder.Logs.GroupBy(log => log.Topic).ToDictionary(topic => topic.Key, topic => topic.Count());
        var whole = await Witness.From(folder.Disk(), topics);
        if (whole.NotStarted is not null || whole.Partitions.Values.Any(part => part.Refused is not null))
            throw new InvalidOperationException($"The folder is not whole to begin with: {whole.NotStarted} {string.Join("; ", whole.Partitions.Values.Select(part => part.Refused))}");
        return new RepairTrial(folder, topics, whole, plant);
    }

    public async Task Run(int rounds, int seed, RepairTally tally)
    {
        for (var round = 0; round < rounds; round++)
        {
            var random = new Random(unchecked(seed * 1_000_003 + round));
            var damages = new Damages(_folder, random);
            for (var left = random.Next(1, 4); left > 0; left--)
                damages.Add();
            if (damages.Changed.Count == 0)
                continue;
            tally.Rounds++;
            foreach (var kind in damages.Kinds)
                RepairTally.Count(tally.Damages, kind);
            var violations = new List<string>();
            try
            {
                await Round(damages, random, violations, tally);
            }
            catch (Exception raw) when (raw is not OutOfMemoryException)
            {
                violations.Add(raw.ToString());
            }

            tally.Violations.AddRange(violations.Take(3).Select(each => $"seed {seed}, round {round} ({damages.What}): {each}"));
        }
    }

    private SimDisk DiskOf(Damages damages)
    {
        var disk = new SimDisk(1);
        foreach (var (path, whole) in _folder.Files)
            if ((damages.Changed.TryGetValue(path, out var changed) ? changed : whole) is { } bytes)
                disk.Place(path, bytes);
        return disk;
    }

    private async Task Round(Damages damages, Random random, List<string> violations, RepairTally tally)
    {
        var way = random.Next(4);
        var disk = DiskOf(damages);
        if (way < 2)
        {
            await Repaired(disk, damages, [], violations, tally, "");
            return;
        }

        var calls = CallsOf(DiskOf(damages));
        var refused = way == 3 ? (await Witness.From(DiskOf(damages), _topics)) : null;
        disk.PowerLossAt = disk.Calls + random.Next(1, (int)calls + 1);
        try
        {
            Repair(disk);
            disk.PowerLossAt = 0;
        }
        catch (SimPowerLossException)
        {
            disk.Crash(random.Next());
        }
        catch (DataFolderException)
        {
            disk.PowerLossAt = 0;
        }

        var noted = Noted(disk);
        if (way == 2)
            await Repaired(disk, damages, noted, violations, tally, "cut off, ");
        else
        {
            RepairTally.Count(tally.Ways, "cut off, broker at once");
            Compare(await Witness.From(disk, _topics), noted, part => refused!.NotStarted is not null || refused.Partitions[part].Refused is null, violations, wasCutOff: true);
        }
    }

    private async Task Repaired(SimDisk disk, Damages damages, List<string> noted, List<string> violations, RepairTally tally, string before)
    {
        var asIs = _folder.Files.Select(file => file.Path).Concat(damages.Changed.Keys).Distinct().Where(path => IsThere(disk, path)).ToDictionary(path => path, disk.ContentOf);
        RepairReport asked, done, again;
        try
        {
            asked = Repair(disk, acceptLoss: true, dry: true);
            if (asIs.Any(file => !disk.ContentOf(file.Key).AsSpan().SequenceEqual(file.Value)))
                violations.Add("a dry run changed something");
            (done, again) = (Repair(disk), Repair(disk));
        }
        catch (DataFolderException)
        {
            RepairTally.Count(tally.Ways, before + "folder refused");
            return;
        }

        if (!asked.Done.SequenceEqual(done.Done))
            violations.Add($"a dry run says {string.Join("; ", asked.Done)}, and done was {string.Join("; ", done.Done)}");
        if (again.Done.Count > 0 && _plant != PlantedBug.Unnamed)
            violations.Add($"a second repair had something to do: {again.Done[0]}, after {string.Join("; ", done.Done)}");
        var isLeft = done.Left.Select(step => step.Path).ToList();
        foreach (var (path, bytes) in asIs.Where(file => _folder.Logs.Exists(log => file.Key.StartsWith(log.Folder + "/", StringComparison.Ordinal) && isLeft.Exists(left => left.StartsWith(log.Folder, StringComparison.Ordinal)))))
            if (!IsThere(disk, path) || !disk.ContentOf(path).AsSpan().SequenceEqual(bytes))
                violations.Add($"{path} belongs to a log that is left as it is, and was changed");
        // Where a document is left nobody can say what a broker makes of the rest.
        var documents = isLeft.Exists(path => path.Contains("/documents/", StringComparison.Ordinal));
        RepairTally.Count(tally.Ways, before + (isLeft.Count > 0 ? "something left" : done.Done.Any(step => step.Lost is not null) ? "with a loss" : done.Done.Count > 0 ? "without loss" : "nothing to do"));
        Compare(
            await Witness.From(disk, _topics), [.. noted, .. done.Done.Select(step => step.Lost).OfType<string>()],
            part => documents || isLeft.Exists(left => left.StartsWith(_folder.Logs.Single(log => (log.Topic, log.Partition) == part).Folder, StringComparison.Ordinal)), violations);
    }

    private void Compare(Witness witness, List<string> losses, Func<(string Topic, int Partition), bool> mayBeRefused, List<string> violations, bool wasCutOff = false)
    {
        if (witness.NotStarted is { } why && !(wasCutOff && why.StartsWith("A repair of", StringComparison.Ordinal)) && !_topics.SelectMany(topic => Enumerable.Range(0, topic.Value).Select(p => (topic.Key, p))).Any(mayBeRefused))
            violations.Add($"the broker does not start: {why}");
        if (witness.NotStarted is not null)
            return;
        foreach (var (part, whole) in _whole.Partitions)
        {
            var (now, named) = (witness.Partitions[part], new NamedLosses(losses, part.Topic, part.Partition));
            var mayHaveForgotten = named.DeletionsAreLost || mayBeRefused(part) || wasCutOff;
            var (messages, letters) = (mayHaveForgotten ? _stored[part] : whole.Messages, mayHaveForgotten || named.LettersAreBack ? _letters[part] : whole.Letters);
            violations.AddRange(Altered("message", now.Messages, messages).Concat(Altered("dead letter", Earlier(part, now.Letters, mayBeCut: wasCutOff && mayBeRefused(part)), letters)).Select(each => $"{part}: {each}"));
            if (now.Refused is { } refusal)
            {
                // It was refused before the repair that was cut off; the next one goes on.
                if (!mayBeRefused(part) && !wasCutOff)
                    violations.Add($"{part} is refused: {refusal}");
                continue;
            }

            // A repair that left it, or was cut off, says nothing of it, and the broker may have cut a tail that nothing proves: as it would have before.
            if (mayBeRefused(part))
                continue;
            violations.AddRange(Missing(part, whole, now, named).Take(3).Select(each => $"{part}: {each}, and is not named as lost: {string.Join(" | ", losses)}"));
            if (now.NewOffset >= 0 && now.NewOffset < whole.NewOffset)
                violations.Add($"{part}: offset {now.NewOffset} was given again, at least {whole.NewOffset} was due");
            if (now.NewLetter >= 0 && now.NewLetter <= whole.Letters.Keys.LastOrDefault(-1) && !named.LanesAreLost)
                violations.Add($"{part}: a dead letter got offset {now.NewLetter} again, at least {whole.Letters.Keys.Last() + 1} was due");
        }
    }

    /// <summary>Without those that died since it was opened: messages that are there, at offsets that no letter had.</summary>
    /// <param name="mayBeCut">A broker may have cut a tail that nothing proves: then they have the offsets that stood in it.</param>
    private IEnumerable<KeyValuePair<long, string>> Earlier((string, int) part, SortedDictionary<long, string> now, bool mayBeCut) =>
        now.Where(letter => (!mayBeCut && letter.Key <= _letters[part].Keys.LastOrDefault(-1)) || !_stored[part].Values.Any(message => Body(message) == Body(letter.Value)));

    private static IEnumerable<string> Altered(string kind, IEnumerable<KeyValuePair<long, string>> now, SortedDictionary<long, string> whole) =>
        now.Where(message => !whole.TryGetValue(message.Key, out var was) || was != message.Value).Select(message => $"{kind} {message.Key} is {message.Value}, which it never was");

    private IEnumerable<string> Missing((string Topic, int Partition) part, SeenPartition whole, SeenPartition now, NamedLosses named)
    {
        foreach (var (offset, text) in whole.Messages)
            if (!now.Messages.ContainsKey(offset) && !named.HasOffset(offset))
                yield return $"message {offset} ({Short(text)}) is not there";
        if (named.LanesAreLost)
            yield break;
        foreach (var (offset, text) in whole.Letters)
            if (!now.Letters.ContainsKey(offset) && !MayBeGone(part, Body(text), named))
                yield return $"dead letter {offset} ({Short(text)}) is not there";
        // Pages and deliveries are of all partitions of a topic: where one is refused they say nothing of the others.
        if (!now.IsWholeTopic)
            yield break;
        foreach (var body in whole.Waiting.Except(now.Waiting).Where(body => !MayBeGone(part, body, named)))
            yield return $"{Short(body)} waits no longer";
        var lost = whole.Messages.Where(message => named.HasOffset(message.Key)).Select(message => Body(message.Value)).ToHashSet();
        foreach (var body in whole.Delivered.Except(now.Delivered).Where(body => !lost.Contains(body) && !MayBeGone(part, body, named)))
            yield return $"{Short(body)} was never delivered";
    }

    /// <summary>One of the frames in which it stood in a lane is named.</summary>
    private bool MayBeGone((string, int) part, string body, NamedLosses named) =>
        _lanes[part].Exists(frame => named.HasPosition(frame.Position) && frame.Payload.Contains(body, StringComparison.Ordinal));

    private static string Body(string text) => text[(text.IndexOf(' ', text.IndexOf(' ', StringComparison.Ordinal) + 1) + 1)..];

    private static string Short(string text) => text.Length > 20 ? text[..20] : text;

    private static bool IsThere(SimDisk disk, string path) => disk.FilesBelow(PreparedFolder.Root).Any(file => file.Path == path);

    private static List<string> Noted(SimDisk disk) =>
        [.. disk.FilesBelow("/").Where(file => file.Path.StartsWith(Copies + "/repair-", StringComparison.Ordinal) && file.Path.EndsWith(".txt", StringComparison.Ordinal))
            .SelectMany(file => Encoding.UTF8.GetString(disk.ContentOf(file.Path)).Split('\n')).Where(line => line.Contains("Lost: ", StringComparison.Ordinal)).Select(line => line[(line.IndexOf("Lost: ", StringComparison.Ordinal) + 6)..])];

    private long CallsOf(SimDisk disk)
    {
        var before = disk.Calls;
        try
        {
            Repair(disk);
        }
        catch (DataFolderException)
        {
        }

        return Math.Max(1, disk.Calls - before);
    }

    private RepairReport Repair(SimDisk disk, bool acceptLoss = true, bool dry = false)
    {
        using var repair = FolderRepair.Open(PreparedFolder.Root, Copies, DateTimeOffset.UnixEpoch, disk, _plant);
        return repair.Run(acceptLoss, dry);
    }
}
