namespace OrleansMq.Storage.Files.Disk;

/// <summary>What went wrong, as far as the storage answers differently.</summary>
public enum DiskError
{
    /// <summary>Anything that leaves us in doubt of the medium: EIO and whatever has no name here.</summary>
    Failed,

    /// <summary>ENOSPC, EDQUOT, EFBIG: no space.</summary>
    Full,

    /// <summary>EMFILE, ENFILE, ENOMEM: the machine has no more of something that is not space.</summary>
    Exhausted,

    /// <summary>ENOENT, ENOTDIR.</summary>
    Missing,

    /// <summary>ENOTEMPTY.</summary>
    NotEmpty,

    /// <summary>EACCES, EPERM, EROFS.</summary>
    Denied,

    /// <summary>Somebody else holds the lock.</summary>
    Locked,
}

/// <summary>A file-system call failed.</summary>
public sealed class DiskException(DiskError error, string operation, string path, string reason)
    : IOException($"{operation} {path}: {reason}")
{
    public DiskError Error { get; } = error;

    public string Operation { get; } = operation;

    public string Path { get; } = path;

    /// <summary>Whether nothing is in doubt: there was no room, and there may be later.</summary>
    public bool IsRefusal => Error is DiskError.Full or DiskError.Exhausted;
}
