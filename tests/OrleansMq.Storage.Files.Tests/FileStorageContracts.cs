using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>A folder for one test on this machine's disk.</summary>
internal sealed class TemporaryFolder
{
    public string Path { get; } = Directory.CreateTempSubdirectory("orleansmq-test-").FullName;

    public FileStorageOptions Options => new() { Directory = System.IO.Path.Join(Path, "data"), FlushThreads = 4 };

    public void Remove() => Directory.Delete(Path, recursive: true);
}

public class FileLogTests : LogContract
{
    private readonly TemporaryFolder _folder = new();

    protected override ValueTask<IStorage> Open() => new(new FileStorage(Configure(_folder.Options), MakeDisk()));

    private protected virtual FileStorageOptions Configure(FileStorageOptions options) => options;

    private protected virtual IDisk MakeDisk() => LocalDisk.ForThisMachine();

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Remove();
    }
}

/// <summary>With one open segment at a time: nothing may depend on a file's staying open.</summary>
public sealed class FileLogWithFewOpenFilesTests : FileLogTests
{
    private protected override FileStorageOptions Configure(FileStorageOptions options) => options with { OpenSegments = 1 };
}

public sealed class PortableDiskLogTests : FileLogTests
{
    private protected override IDisk MakeDisk() => new PortableDisk();
}

public class FileDocumentTests : DocumentContract
{
    private readonly TemporaryFolder _folder = new();

    protected override ValueTask<IStorage> Open() => new(new FileStorage(Configure(_folder.Options), MakeDisk()));

    private protected virtual FileStorageOptions Configure(FileStorageOptions options) => options;

    private protected virtual IDisk MakeDisk() => LocalDisk.ForThisMachine();

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Remove();
    }
}

public sealed class PortableDiskDocumentTests : FileDocumentTests
{
    private protected override IDisk MakeDisk() => new PortableDisk();
}

public sealed class JournaledFileLogTests : FileLogTests
{
    private protected override FileStorageOptions Configure(FileStorageOptions options) => options with { Journal = true, JournalBytes = 64 << 10, JournalShareBytes = 4 << 10 };
}

public sealed class JournaledFileDocumentTests : FileDocumentTests
{
    private protected override FileStorageOptions Configure(FileStorageOptions options) => options with { Journal = true, JournalBytes = 64 << 10, JournalShareBytes = 4 << 10 };
}
