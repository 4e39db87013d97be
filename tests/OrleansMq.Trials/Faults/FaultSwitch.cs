using System.IO.MemoryMappedFiles;

namespace OrleansMq.Trials.Faults;

/// <summary>A system call that can be made to fail; the order of faulty.c.</summary>
internal enum FaultyCall
{
    Write,
    FileFlush,
    DirectoryFlush,
    Reserve,
}

/// <summary>The switch of faulty.c: which of the program's system calls fail next.</summary>
internal sealed class FaultSwitch : IDisposable
{
    public const int EIO = 5, ENOSPC = 28;

    // struct operation: skip, fail, error, failed, calls; before the first stands "lie".
    private const int Fields = 5, Skip = 0, Fail = 1, Error = 2, Failed = 3, Calls = 4;

    private static readonly Lazy<(string? Library, string? WhyNot)> Built = new(Build);

    private readonly string _path = Path.GetTempFileName();
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    public FaultSwitch()
    {
        File.WriteAllBytes(_path, new byte[4096]);
        _file = MemoryMappedFile.CreateFromFile(_path, FileMode.Open, null, 4096);
        _view = _file.CreateViewAccessor();
    }

    /// <summary>Why no call can be made to fail here; null if it can.</summary>
    public static string? WhyNot => Built.Value.WhyNot;

    /// <summary>Flushes say yes and do nothing: the bug that shows that a trial sees losses.</summary>
    public bool Lies
    {
        set => _view.Write(0, value ? 1 : 0);
    }

    /// <summary>For the program whose calls below a folder shall fail.</summary>
    public IReadOnlyDictionary<string, string> Environment(string folder) => new Dictionary<string, string>
    {
        ["LD_PRELOAD"] = Built.Value.Library!,
        ["ORLEANSMQ_FAULT_SWITCH"] = _path,
        ["ORLEANSMQ_FAULT_FOLDER"] = folder,
    };

    public void FailNext(FaultyCall call, int error, int skip, int times = 1)
    {
        _view.Write(At(call, Error), error);
        _view.Write(At(call, Skip), skip);
        _view.Write(At(call, Fail), times);
    }

    public void Disarm()
    {
        foreach (var call in Enum.GetValues<FaultyCall>())
            _view.Write(At(call, Fail), 0);
    }

    public int FailedCalls(FaultyCall call) => _view.ReadInt32(At(call, Failed));

    /// <summary>Calls that came by, failed or not: 0 means that the library is not in the way at all.</summary>
    public int AllCalls(FaultyCall call) => _view.ReadInt32(At(call, Calls));

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
        File.Delete(_path);
    }

    private static int At(FaultyCall call, int field) => 4 * (1 + (int)call * Fields + field);

    private static (string?, string?) Build()
    {
        if (!OperatingSystem.IsLinux())
            return (null, "LD_PRELOAD is Linux' own.");
        var source = Path.Combine(AppContext.BaseDirectory, "Faults", "faulty.c");
        var library = Path.Combine(AppContext.BaseDirectory, "Faults", $"faulty-{System.Environment.ProcessId}.so");
        var (code, said) = Machines.Tool.Try("cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl");
        return code == 0 ? (library, null) : (null, $"There is no C compiler here that builds faulty.c: {said}");
    }
}
