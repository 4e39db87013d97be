namespace OrleansMq.Storage.Files.Journaling;

/// <summary>A path of which the journal holds records that are not settled.</summary>
internal sealed class LivePath
{
    /// <summary>The lowest and the highest record that may speak of it.</summary>
    public long First;

    public long Last;

    /// <summary>End of the bytes that records write into it.</summary>
    public long WrittenTo;

    /// <summary>The last record that says what the whole file is, or where it ends; 0: none.</summary>
    public long Bounded;

    /// <summary>The last record that made the name; 0: none.</summary>
    public long Made;

    /// <summary>The last record that removed it; 0: none.</summary>
    public long Removed;

    public bool IsDirectory;

    /// <summary>The name that a record made was flushed in its directory, too.</summary>
    public bool NameIsFlushed;

    /// <summary>Whether what changes from this offset on must follow in the journal, or is undone when its records are applied.</summary>
    public bool MustFollow(long offset) => offset < WrittenTo || Bounded > 0;
}
