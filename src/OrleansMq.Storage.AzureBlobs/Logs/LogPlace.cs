using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Blobs;
using OrleansMq.Storage.AzureBlobs.Formats;

namespace OrleansMq.Storage.AzureBlobs.Logs;

/// <summary>Which log, and what its openings share with the others of this storage.</summary>
internal sealed record LogPlace(LogId Id, IBlobs Blobs, Attempts Attempts, BlobNames Names, PageCache Cache, BlobStorageOptions Options, Action<BlobLog> Closed)
{
    public string ManifestName => Names.Manifest(Id);

    public string SegmentName(LogManifest manifest, BlobPiece segment) => Names.Segment(Id, manifest.Identity.Incarnation, segment);

    public string SnapshotName(LogManifest manifest, BlobPiece snapshot) => Names.Snapshot(Id, manifest.Identity.Incarnation, snapshot);

    public void Notify(string what) => Options.OnNotice?.Invoke(what);

    public override string ToString() => Names.Log(Id).TrimEnd('/');
}
