namespace OrleansMq.Core.Snapshots;

/// <summary>Stored state can't be read: damaged, cut short, or written by a newer version. Whoever loads it says which file and stops that partition.</summary>
public sealed class StateFormatException : Exception
{
    /// <summary>Whole, as far as can be seen, and of a later release.</summary>
    public bool IsNewer { get; init; }

    public StateFormatException(string message, Exception? inner = null) : base(message, inner) { }
}
