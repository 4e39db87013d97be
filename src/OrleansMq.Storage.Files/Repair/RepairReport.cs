namespace OrleansMq.Storage.Files.Repair;

/// <summary>What a repair did, and what it left.</summary>
public sealed class RepairReport
{
    private readonly List<RepairStep> _done = [];
    private readonly List<RepairStep> _left = [];
    private readonly List<RepairStep> _notes = [];

    /// <summary>In the order in which it was done; of a dry run what would be.</summary>
    public IReadOnlyList<RepairStep> Done => _done;

    /// <summary>What was not done: because something would be lost by it (then <see cref="RepairStep.Lost"/> says what), or because it can't be.</summary>
    public IReadOnlyList<RepairStep> Left => _left;

    /// <summary>What a broker does by itself when it opens the folder, and a repair does otherwise where losses are accepted: no damage.</summary>
    public IReadOnlyList<RepairStep> Notes => _notes;

    /// <summary>Nothing was changed.</summary>
    public bool IsDry { get; internal init; }

    /// <summary>Where every file that was changed lies as it was before; null where none was.</summary>
    public string? Copies { get; internal set; }

    internal void Did(string path, string what, string? lost = null, bool isTail = false) => _done.Add(new RepairStep(path, what, lost) { IsTail = isTail });

    internal void Leave(string path, string what, string? lost = null) => _left.Add(new RepairStep(path, what, lost));

    internal void Did(IEnumerable<RepairStep> steps) => _done.AddRange(steps);

    internal void Leave(IEnumerable<RepairStep> steps)
    {
        foreach (var step in steps)
            (step.IsTail ? _notes : _left).Add(step);
    }
}

/// <param name="Path">The file.</param>
/// <param name="What">What was done to it, or is the matter with it.</param>
/// <param name="Lost">What is gone for good by it: topic, partition, offsets. Null: nothing.</param>
public sealed record RepairStep(string Path, string What, string? Lost)
{
    /// <summary>It is about a torn tail alone.</summary>
    internal bool IsTail { get; init; }

    public override string ToString() => Lost is null ? $"{Path}: {What}" : $"{Path}: {What}. Lost: {Lost}";
}
