namespace OrleansMq.Records;

/// <summary>Whether a batch stands at the start of some bytes.</summary>
public enum BatchReadStatus
{
    /// <summary>It does, whole.</summary>
    Done = 0,

    /// <summary>The bytes end before the batch does: wait for more, or call it a torn tail.</summary>
    Incomplete = 1,

    /// <summary>No batch has such a length; more bytes will not help.</summary>
    Malformed = 2,
}
