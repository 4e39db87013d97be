using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Simulation.Disk;

/// <summary>What a call to the disk is about to do.</summary>
/// <param name="Number">Counts calls from 1.</param>
public readonly record struct SimCall(long Number, string Operation, string Path);

/// <summary>The power went: every call fails until the disk is started again.</summary>
public sealed class SimPowerLossException() : Exception("the power is gone");

/// <summary>
/// A disk in memory that keeps exactly what POSIX promises and no more: bytes are certain after a flush of the file, names after a
/// flush of the directory; at a crash any part of the rest is there. Faults are chosen by rules, chances by the seed.
/// </summary>
/// <remarks>Deterministic for one caller at a time; safe for several.</remarks>
public sealed partial class SimDisk(int seed) : IDisk
{
    private readonly object _gate = new();
    private readonly Random _random = new(seed);
    private readonly SimFolder _root = new();
    private readonly Dictionary<string, int> _locks = [];

    /// <summary>The names that paths consist of: the same few are asked for all the time.</summary>
    private readonly Dictionary<string, string[]> _names = [];
    private long _calls;
    private int _life;
    private bool _powerless;

    /// <summary>Answers each call: an error, or null to let it happen. Default: all happen.</summary>
    public Func<SimCall, DiskError?>? Fault { get; set; }

    /// <summary>The power goes at this call; 0 = never. A write may have begun.</summary>
    public long PowerLossAt { get; set; }

    /// <summary>The power goes at the first call that this holds for, once.</summary>
    public Func<SimCall, bool>? PowerLossWhen { get; set; }

    /// <summary>Bytes for all files together, reserved ones included.</summary>
    public long Capacity { get; set; } = long.MaxValue;

    /// <summary>Planted fault: file flushes say yes and do nothing.</summary>
    public bool FlushLies { get; set; }

    /// <summary>Planted fault: directory flushes say yes and do nothing.</summary>
    public bool DirectoryFlushLies { get; set; }

    /// <summary>Calls so far.</summary>
    public long Calls => _calls;

    /// <summary>The power went, and the disk was not started again.</summary>
    public bool IsPowerless
    {
        get
        {
            lock (_gate)
                return _powerless;
        }
    }

    /// <summary>Bytes of all files together, reserved ones included: what <see cref="Capacity"/> is compared with.</summary>
    public long UsedBytes
    {
        get
        {
            lock (_gate)
                return Used(_root);
        }
    }

    /// <summary>The power goes now.</summary>
    public void LosePower()
    {
        lock (_gate)
            _powerless = true;
    }

    /// <summary>The process that used the disk is gone (SIGKILL): its handles and locks are, the page cache is not.</summary>
    public void Kill()
    {
        lock (_gate)
        {
            _locks.Clear();
            _life++;
            Fault = null;
        }
    }

    /// <summary>What was open is gone, and of what was not flushed a part that the seed chooses is there.</summary>
    public void Crash(int crashSeed)
    {
        lock (_gate)
        {
            var random = new Random(crashSeed);
            CrashNames(_root, random);
            _root.ForgetCache(random);
            _locks.Clear();
            _life++;
            _powerless = false;
            PowerLossAt = 0;
            PowerLossWhen = null;
            Fault = null;
        }
    }

    /// <summary>Turns one bit of a file, on the platter and in the cache.</summary>
    public void FlipBit(string path, long offset, int bit)
    {
        lock (_gate)
            FileAt(path, "flip").Flip(offset, bit);
    }

    /// <summary>What a file holds, as the page cache shows it: a copy.</summary>
    public byte[] ContentOf(string path)
    {
        lock (_gate)
            return FileAt(path, "read").Cached.Span.ToArray();
    }

    /// <summary>Puts a file there with everything above it, durably, as if it had always been there.</summary>
    public void Place(string path, byte[] content)
    {
        lock (_gate)
        {
            var names = NamesOf(path);
            var folder = _root;
            foreach (var name in names[..^1])
            {
                if (folder.Cached.GetValueOrDefault(name) is not SimFolder below)
                    folder.Durable[name] = folder.Cached[name] = below = new SimFolder();
                folder = below;
            }

            folder.Durable[names[^1]] = folder.Cached[names[^1]] = new SimInode(content);
        }
    }

    /// <summary>Every file below a directory, with its length.</summary>
    public IReadOnlyList<(string Path, long Length)> FilesBelow(string path)
    {
        lock (_gate)
        {
            var files = new List<(string, long)>();
            Collect(FolderAt(path, "list"), path.TrimEnd('/'), files);
            return files;
        }
    }

    public IDiskFile Open(string path, DiskOpenMode mode)
    {
        lock (_gate)
        {
            Call("open", path);
            var (folder, name) = Place(path, "open");
            if (folder.Cached.TryGetValue(name, out var node))
            {
                if (node is not SimInode inode)
                    throw Error(DiskError.Failed, "open", path);
                if (mode == DiskOpenMode.Create)
                    inode.SetLength(0);
                return new OpenFile(this, inode, path, _life);
            }
            if (mode != DiskOpenMode.Create)
                throw Error(DiskError.Missing, "open", path);
            var made = new SimInode();
            Add(folder, name, made);
            return new OpenFile(this, made, path, _life);
        }
    }

    public void Rename(string from, string to)
    {
        lock (_gate)
        {
            Call("rename", from);
            var (source, oldName) = Place(from, "rename");
            var (target, newName) = Place(to, "rename");
            if (!source.Cached.Remove(oldName, out var node))
                throw Error(DiskError.Missing, "rename", from);
            target.Cached[newName] = node;
            var change = new SimNameChange(() =>
            {
                source.Durable.Remove(oldName);
                target.Durable[newName] = node;
            });
            source.Unflushed.Add(change);
            if (target != source)
                target.Unflushed.Add(change);
        }
    }

    public void Remove(string path) => RemoveNode("unlink", path, node => node is SimInode ? null : DiskError.Failed);

    public void RemoveDirectory(string path) => RemoveNode("rmdir", path, node => node switch
    {
        SimFolder { Cached.Count: 0 } => null,
        SimFolder => DiskError.NotEmpty,
        _ => DiskError.Missing,
    });

    public bool MakeDirectory(string path)
    {
        lock (_gate)
        {
            Call("mkdir", path);
            var (folder, name) = Place(path, "mkdir");
            if (folder.Cached.TryGetValue(name, out var node))
                return node is SimFolder ? false : throw Error(DiskError.Failed, "mkdir", path);
            Add(folder, name, new SimFolder());
            return true;
        }
    }

    public void FlushDirectory(string path)
    {
        lock (_gate)
        {
            Call("fsync directory", path);
            var folder = FolderAt(path, "fsync directory");
            if (!DirectoryFlushLies)
                folder.Flush();
        }
    }

    public IReadOnlyList<DiskEntry> List(string path)
    {
        lock (_gate)
        {
            Call("list", path);
            return [.. FolderAt(path, "list").Cached.Select(entry => new DiskEntry(entry.Key, entry.Value is SimFolder))];
        }
    }

    public IDisposable Lock(string path, bool shared)
    {
        lock (_gate)
        {
            if (!shared)
                Open(path, DiskOpenMode.Create).Dispose();
            else
                FileAt(path, "lock");
            var holders = _locks.GetValueOrDefault(path);
            if (holders != 0 && (!shared || holders < 0))
                throw Error(DiskError.Locked, "lock", path);
            _locks[path] = shared ? holders + 1 : -1;
            return new Held(this, path, _life);
        }
    }

    /// <summary>Counts the call, and lets power or a rule end it.</summary>
    private void Call(string operation, string path)
    {
        Begin(operation, path, out var error);
        if (error is { } failed)
            throw Error(failed, operation, path);
    }

    private void Begin(string operation, string path, out DiskError? error)
    {
        _calls++;
        var call = new SimCall(_calls, operation, path);
        _powerless |= _calls == PowerLossAt || PowerLossWhen?.Invoke(call) == true;
        if (_powerless)
            throw new SimPowerLossException();
        error = Fault?.Invoke(call);
    }

    private void RemoveNode(string operation, string path, Func<object, DiskError?> refusal)
    {
        lock (_gate)
        {
            Call(operation, path);
            var (folder, name) = Place(path, operation);
            if (!folder.Cached.TryGetValue(name, out var node))
                throw Error(DiskError.Missing, operation, path);
            if (refusal(node) is { } error)
                throw Error(error, operation, path);
            folder.Cached.Remove(name);
            folder.Unflushed.Add(new SimNameChange(() => folder.Durable.Remove(name)));
        }
    }

    private static void Add(SimFolder folder, string name, object node)
    {
        folder.Cached[name] = node;
        folder.Unflushed.Add(new SimNameChange(() => folder.Durable[name] = node));
    }

    private (SimFolder Folder, string Name) Place(string path, string operation)
    {
        var names = NamesOf(path);
        return (Folder(names.AsSpan(..^1)) ?? throw Error(DiskError.Missing, operation, path[..path.LastIndexOf('/')]), names[^1]);
    }

    private SimFolder FolderAt(string path, string operation) => Folder(NamesOf(path)) ?? throw Error(DiskError.Missing, operation, path);

    private SimFolder? Folder(ReadOnlySpan<string> names)
    {
        var folder = _root;
        foreach (var name in names)
        {
            if (folder.Cached.GetValueOrDefault(name) is not SimFolder below)
                return null;
            folder = below;
        }
        return folder;
    }

    private string[] NamesOf(string path)
    {
        if (!_names.TryGetValue(path, out var names))
            _names.Add(path, names = path.Split('/', StringSplitOptions.RemoveEmptyEntries));
        return names;
    }

    private SimInode FileAt(string path, string operation)
    {
        var (folder, name) = Place(path, operation);
        return folder.Cached.GetValueOrDefault(name) as SimInode ?? throw Error(DiskError.Missing, operation, path);
    }

    private static long Used(SimFolder folder)
    {
        var used = 0L;
        foreach (var (_, node) in folder.Cached)
            used += node is SimFolder below ? Used(below) : ((SimInode)node).Allocated;
        return used;
    }

    private static void CrashNames(SimFolder folder, Random random)
    {
        foreach (var below in folder.Cached.Values.Concat(folder.Durable.Values).Distinct().OfType<SimFolder>().ToList())
            CrashNames(below, random);
        folder.Crash(random);
    }

    private static void Collect(SimFolder folder, string path, List<(string Path, long Length)> files)
    {
        foreach (var (name, node) in folder.Cached)
        {
            if (node is SimFolder below)
                Collect(below, $"{path}/{name}", files);
            else
                files.Add(($"{path}/{name}", ((SimInode)node).Cached.Length));
        }
    }

    private static DiskException Error(DiskError error, string operation, string path) => new(error, operation, path, $"simulated {error}");
}
