namespace OrleansMq.Core.Snapshots;

/// <summary>Stored state can't be read: damaged, cut short, or written by a newer version. Whoever loads it says which file and stops that partition.</summary>
public sealed class StateFormatException : Exception
{
    public StateFormatException(string message, Exception? inner = null) : base(message, inner) { }
}
