using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Logs;

/// <summary>Where a log lies and with what it works.</summary>
internal sealed record FileLogPlace(LogId Id, string Folder, IDisk Disk, IIoScheduler Io, OpenSegments Open, FileStorageOptions Options, Action<FileLog> Closed)
{
    public string ManifestPath => Path.Join(Folder, LogManifest.FileName);

    public override string ToString() => $"Log {Folder}";
}
