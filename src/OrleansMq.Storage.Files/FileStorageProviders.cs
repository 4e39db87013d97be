using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Storage.Configured;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Shared;

[assembly: StorageProvider("Files", typeof(FileStorageProvider))]
[assembly: StorageProvider("Shared", typeof(SharedFileStorageProvider))]

namespace OrleansMq.Storage.Files;

/// <summary><c>"ProviderType": "Files"</c>: a folder of this process alone.</summary>
internal sealed class FileStorageProvider : IStorageProvider
{
    public ValueTask<IStorage> Open(StorageSettings settings, Action<string> report)
    {
        var journal = settings.Flag(nameof(FileStorageOptions.Journal)) ?? false;
        return ValueTask.FromResult<IStorage>(new FileStorage(OptionsOf(settings, report) with { Journal = journal }));
    }

    internal static FileStorageOptions OptionsOf(StorageSettings settings, Action<string> report)
    {
        var defaults = new FileStorageOptions { Directory = settings.Required(nameof(FileStorageOptions.Directory)) };
        var options = defaults with
        {
            SegmentBytes = settings.Number(nameof(FileStorageOptions.SegmentBytes)) ?? defaults.SegmentBytes,
            ReserveBytes = settings.Number(nameof(FileStorageOptions.ReserveBytes)) ?? defaults.ReserveBytes,
            FirstReserveBytes = settings.Number(nameof(FileStorageOptions.FirstReserveBytes)) ?? defaults.FirstReserveBytes,
            FlushThreads = settings.SmallNumber(nameof(FileStorageOptions.FlushThreads)) ?? defaults.FlushThreads,
            OpenSegments = settings.SmallNumber(nameof(FileStorageOptions.OpenSegments)) ?? defaults.OpenSegments,
            OnNotice = notice => report($"{notice.Path}: {notice.Message}"),
        };
        settings.RefuseOthers();
        return options;
    }
}

/// <summary><c>"ProviderType": "Shared"</c>: a folder that several processes use.</summary>
internal sealed class SharedFileStorageProvider : IStorageProvider
{
    public ValueTask<IStorage> Open(StorageSettings settings, Action<string> report) =>
        ValueTask.FromResult<IStorage>(new SharedFileStorage(FileStorageProvider.OptionsOf(settings, report)));
}
