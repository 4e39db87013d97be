namespace OrleansMq.Access;

/// <summary>Users and rules in a file that an operator keeps (<c>mq user add --file</c>), readable by its owner alone. The broker reads it, and reads it again when it has changed.</summary>
public sealed class FileAccessStore(string path, bool readOnly = true) : IAccessStore
{
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    public string Place => path;

    public bool ReadOnly => readOnly;

    public async ValueTask<StoredAccess?> Load(CancellationToken cancel = default)
    {
        if (!File.Exists(path))
            return readOnly ? throw new IOException($"{path}: there is no such file.") : null;
        if (!OperatingSystem.IsWindows() && File.GetUnixFileMode(path) is var mode && (mode & Others) != 0)
            throw new IOException($"{path}: others than its owner may open it; say chmod 600.");
        var version = VersionOf(path);
        return new StoredAccess(await File.ReadAllBytesAsync(path, cancel), version);
    }

    public async ValueTask<long?> Save(ReadOnlyMemory<byte> bytes, long expectedVersion, CancellationToken cancel = default)
    {
        if (readOnly)
            throw new InvalidOperationException($"{path} is written by its operator.");
        if ((File.Exists(path) ? VersionOf(path) : 0) != expectedVersion)
            return null;
        var fresh = $"{path}.{Environment.ProcessId}.new";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using (var file = new FileStream(fresh, options))
        {
            await file.WriteAsync(bytes, cancel);
            file.Flush(flushToDisk: true);
        }
        File.Move(fresh, path, overwrite: true);
        return VersionOf(path);
    }

    private static long VersionOf(string path) => File.GetLastWriteTimeUtc(path).Ticks;
}
