using System.Globalization;
using System.Text.RegularExpressions;
using OrleansMq.Engine.Topics;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Documents;

namespace OrleansMq.Trials.Damage;

/// <summary>What came of many damages.</summary>
internal sealed class DamageResult
{
    public SortedDictionary<string, int> Found { get; } = [];
    public SortedDictionary<string, int> Repairs { get; } = [];
    public SortedDictionary<string, int> Files { get; } = [];
    public List<string> Violations { get; } = [];
    public int Tried { get; set; }

    public override string ToString() =>
        $"{Tried} damages ({string.Join(", ", Files.Select(file => $"{file.Key} {file.Value}"))}): {string.Join(", ", Found.Select(way => $"{way.Key} {way.Value}"))}{(Repairs.Count == 0 ? "" : $"; repairs: {string.Join(", ", Repairs.Select(way => $"{way.Key} {way.Value}"))}")}; {Violations.Count} violations";
}

/// <summary>Turns bits and swaps blocks anywhere in a data folder: each is found, none is served, and what it does not touch goes on.</summary>
internal sealed partial class DamageTrial
{
    private readonly PreparedFolder _folder;
    private readonly Served _whole;
    private readonly Dictionary<string, int> _partitions;

    private readonly RepairJudge? _repair;

    private DamageTrial(PreparedFolder folder, Served whole, Dictionary<string, int> partitions, bool repairs, bool asksFirst) =>
        (_folder, _whole, _partitions, _repair) = (folder, whole, partitions, repairs ? new RepairJudge(whole, partitions, asksFirst) : null);

    /// <param name="repairs">Each damaged folder is repaired as well, and looked at again.</param>
    /// <param name="asksFirst">And before that without anything being given up.</param>
    public static async Task<DamageTrial> Prepare(int seed, bool repairs = false, bool asksFirst = false)
    {
        var folder = await PreparedFolder.Rich(seed);
        var partitions = folder.Logs.GroupBy(log => log.Topic).ToDictionary(topic => topic.Key, topic => topic.Count());
        var whole = await Served.From(folder.Disk(), partitions);
        if (whole.Refusals.Count + whole.Reports.Count > 0 || whole.NotStarted is not null)
            throw new InvalidOperationException($"The folder is not whole to begin with: {string.Join("; ", whole.Reports)} {string.Join("; ", whole.Refusals)} {whole.NotStarted}");
        return new DamageTrial(folder, whole, partitions, repairs, asksFirst);
    }

    public async Task FlipBits(int count, int seed, DamageResult result)
    {
        var random = new Random(seed);
        var files = _folder.Files.Where(file => file.Bytes.Length > 0).ToList();
        for (var i = 0; i < count; i++)
        {
            // Half anywhere by size, half by file: a manifest is small and no less important.
            var (path, bytes) = random.Next(2) == 0 ? files[random.Next(files.Count)] : BySize(files, random);
            var (at, bit) = (random.Next(bytes.Length), random.Next(8));
            var damaged = (byte[])bytes.Clone();
            damaged[at] ^= (byte)(1 << bit);
            await Try(result, $"bit {bit} of byte {at} of {path}, flip {i} of seed {seed}", (path, damaged));
        }
    }

    public async Task SwapBlocks(int count, int seed, DamageResult result)
    {
        var random = new Random(seed);
        var done = 0;
        while (done < count)
        {
            var size = 512 << random.Next(4);
            var files = _folder.Files.Where(file => file.Bytes.Length > 0).ToList();
            var (first, second) = (BySize(files, random), random.Next(2) == 0 ? files[random.Next(files.Count)] : BySize(files, random));
            var (from, to) = (Block(first.Bytes, size, random), Block(second.Bytes, size, random));
            var length = Math.Min(size, Math.Min(first.Bytes.Length - from, second.Bytes.Length - to));
            if (first.Bytes.AsSpan(from, length).SequenceEqual(second.Bytes.AsSpan(to, length)))
                continue;
            var one = (byte[])first.Bytes.Clone();
            var other = first.Path == second.Path ? one : (byte[])second.Bytes.Clone();
            second.Bytes.AsSpan(to, length).CopyTo(one.AsSpan(from));
            first.Bytes.AsSpan(from, length).CopyTo(other.AsSpan(to));
            done++;
            await Try(result, $"{length} bytes at {from} of {first.Path} swapped with those at {to} of {second.Path}, swap {done} of seed {seed}", (first.Path, one), (second.Path, other));
        }
    }

    private static (string Path, byte[] Bytes) BySize(List<(string Path, byte[] Bytes)> files, Random random)
    {
        var at = random.NextInt64(files.Sum(file => (long)file.Bytes.Length));
        foreach (var file in files)
            if ((at -= file.Bytes.Length) < 0)
                return file;
        return files[^1];
    }

    private static int Block(byte[] bytes, int size, Random random) => random.Next((bytes.Length + size - 1) / size) * size;

    private async Task Try(DamageResult result, string what, params (string Path, byte[] Bytes)[] changed)
    {
        result.Tried++;
        foreach (var path in changed.Select(file => file.Path).Distinct())
            result.Files[KindOf(path)] = result.Files.GetValueOrDefault(KindOf(path)) + 1;
        var seen = new List<string>();
        try
        {
            var told = Doctor(changed);
            var served = await Served.From(_folder.Disk(changed), _partitions);
            Judge(served, told, changed, seen, result);
            if (_repair is not null)
                await _repair.Try(_folder.Disk(changed), seen, result);
        }
        catch (Exception raw) when (raw is not OutOfMemoryException)
        {
            seen.Add($"{raw.GetType().Name}: {raw}");
        }

        result.Violations.AddRange(seen.Select(each => $"{what}: {each}"));
    }

    private void Judge(Served served, List<string> doctor, (string Path, byte[] Bytes)[] changed, List<string> violations, DamageResult result)
    {
        var touched = changed.SelectMany(file => Touched(file.Path)).ToHashSet();
        var refused = false;
        var cut = false;
        foreach (var (what, whole) in _whole.Parts)
        {
            if (served.NotStarted is not null)
                break;
            var there = served.Parts[what];
            for (var i = 0; i < Math.Min(there.Count, whole.Count); i++)
                if (there[i] != whole[i] && !what.What.StartsWith("group ", StringComparison.Ordinal))
                    violations.Add($"served {there[i]} where {whole[i]} was due ({what})");
            if (there.Count > whole.Count)
                violations.Add($"served {there.Count} where there were {whole.Count} ({what})");
            if (there.SequenceEqual(whole))
                continue;
            if (!touched.Contains((what.Topic, what.Partition)))
                violations.Add($"{what} was not touched and is not served as before: {served.Refusals.GetValueOrDefault(what)}");
            else if (served.Refusals.ContainsKey(what))
                refused = true;
            else if (IsReportedTail(served, what))
                cut = true;
            else
                violations.Add($"{what} has changed without a word: {there.Count} of {whole.Count}; reports: {string.Join("; ", served.Reports)}");
        }

        var way = served.NotStarted is not null ? "start refused" : refused ? "refused" : cut ? "torn tail, cut and reported" : served.Reports.Count > 0 ? "stood in for and reported" : doctor.Count > 0 ? "found by doctor alone" : "NOT FOUND";
        result.Found[way] = result.Found.GetValueOrDefault(way) + 1;
        if (doctor.Count == 0)
            violations.Add("mq doctor finds nothing");
    }

    /// <summary>Only what no frame says was flushed, and no snapshot's name, may be taken for a torn tail, and it has to be reported.</summary>
    private bool IsReportedTail(Served served, (string Topic, int Partition, string What) what)
    {
        var log = _folder.Logs.Single(log => (log.Topic, log.Partition) == (what.Topic, what.Partition));
        return served.Reports.Any(report => CutAt().Match(report) is { Success: true } cut && long.Parse(cut.Groups[1].Value, CultureInfo.InvariantCulture) >= log.Reach) && log.Durable >= log.LastBase - 1;
    }

    private List<string> Doctor((string Path, byte[] Bytes)[] changed) => Doctor(_folder.Disk(changed));

    public static List<string> Doctor(SimDisk disk)
    {
        try
        {
            using var inspector = LogInspector.Open(PreparedFolder.Root, disk);
            var told = inspector.Documents().Where(document => document.Problem is not null).Select(document => $"{document.Path}: {document.Problem}").Concat(inspector.Notes()).ToList();
            foreach (var found in inspector.Logs().Select(id => inspector.Inspect(id)))
            {
                told.AddRange(found.Problems);
                told.AddRange(found.Snapshots.Where(snapshot => !snapshot.IsWhole).Select(snapshot => $"snapshot {snapshot.Position}"));
                if (found.BadFile is { } bad)
                    told.Add(bad);
            }

            return told;
        }
        catch (DataFolderException refused)
        {
            return [refused.Message];
        }
    }

    /// <summary>The partitions that a file's damage may keep from being served.</summary>
    private IEnumerable<(string Topic, int Partition)> Touched(string path)
    {
        foreach (var log in _folder.Logs)
        {
            var id = log.TopicId.ToString("N");
            var mine = path.StartsWith(log.Folder + "/", StringComparison.Ordinal)
                || Keys(path).Any(key => key == $"topics/{log.Topic}" || key.Contains(id, StringComparison.Ordinal))
                // That there is none can't be told where something of unknown key is lost.
                || Asked(log).Any(key => path == Path.Join(PreparedFolder.Root, "documents", ShardNames.FileOf(ShardNames.Of(System.Text.Encoding.UTF8.GetBytes(key)))));
            if (mine)
                yield return (log.Topic, log.Partition);
        }

        if (!path.Contains("/logs/", StringComparison.Ordinal))
            yield return ("", -1);
    }

    /// <summary>What is asked for when a topic or its groups' dead letters are read, whether it is there or not.</summary>
    private IEnumerable<string> Asked(PreparedLog log) =>
    [
        TopicCatalog.TopicKey(log.Topic), AdmissionDesk.KeyOf(log.TopicId), $"group-names/{log.TopicId:N}",
        .. from document in _folder.Documents
           where document.Key.StartsWith(TopicCatalog.GroupPrefix(log.TopicId), StringComparison.Ordinal)
           select TopicCatalog.TopicKey($"{log.Topic}.{document.Key[TopicCatalog.GroupPrefix(log.TopicId).Length..]}.dlq"),
    ];

    /// <summary>Of the documents in a file.</summary>
    private IEnumerable<string> Keys(string path) => _folder.Documents.Where(document => document.Path == path).Select(document => document.Key);

    [GeneratedRegex(@"after position (\d+) .* were cut")]
    private static partial Regex CutAt();

    private static string KindOf(string path)
    {
        var name = Path.GetFileName(path);
        return name.EndsWith(".seg", StringComparison.Ordinal) ? "segment" : name.EndsWith(".docs", StringComparison.Ordinal) ? "documents" : name.StartsWith("snapshot", StringComparison.Ordinal) ? "snapshot" : name;
    }
}
