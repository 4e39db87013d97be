namespace OrleansMq.Storage.Files.Repair;

/// <summary>What a repair did, and what it left.</summary>
public sealed class RepairReport
{
    private readonly List<RepairStep> _done = [];
    private readonly List<RepairStep> _left = [];

    /// <summary>In the order in which it was done; of a dry run what would be.</summary>
    public IReadOnlyList<RepairStep> Done => _done;

    /// <summary>What was not done: because something would be lost by it (then <see cref="RepairStep.Lost"/> says what), or because it can't be.</summary>
    public IReadOnlyList<RepairStep> Left => _left;

    /// <summary>Nothing was changed.</summary>
    public bool IsDry { get; internal init; }

    /// <summary>Where every file that was changed lies as it was before; null where none was.</summary>
    public string? Copies { get; internal set; }

    internal void Did(string path, string what, string? lost = null) => _done.Add(new RepairStep(path, what, lost));

    internal void Leave(string path, string what, string? lost = null) => _left.Add(new RepairStep(path, what, lost));

    internal void Did(IEnumerable<RepairStep> steps) => _done.AddRange(steps);

    internal void Leave(IEnumerable<RepairStep> steps) => _left.AddRange(steps);
}

/// <param name="Path">The file.</param>
/// <param name="What">What was done to it, or is the matter with it.</param>
/// <param name="Lost">What is gone for good by it: topic, partition, offsets. Null: nothing.</param>
public sealed record RepairStep(string Path, string What, string? Lost)
{
    public override string ToString() => Lost is null ? $"{Path}: {What}" : $"{Path}: {What}. Lost: {Lost}";
}
