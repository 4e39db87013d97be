using OrleansMq.Core.Log;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Simulation;

/// <summary>What stands in the logs of a simulated disk, frame by frame and entry by entry: for whoever looks for a seed's cause.</summary>
internal static class Dump
{
    public static void Logs(SimDisk disk, Action<string> write)
    {
        foreach (var (path, length) in disk.FilesBelow("/data").Where(file => file.Path.EndsWith(".seg", StringComparison.Ordinal)).OrderBy(file => file.Path, StringComparer.Ordinal))
        {
            var bytes = new byte[length];
            using (var file = disk.Open(path, DiskOpenMode.Read))
                file.Read(bytes, 0);
            for (var at = 0; at + FrameHeader.Size <= bytes.Length; at += 8)
            {
                if (!FrameHeader.TryRead(bytes.AsSpan(at), out var header))
                    continue;
                write($"log {header.TopicId:N}/{header.Partition} {header.Position} {header.Kind} lane {header.Lane} base {header.BaseOffset} epoch {header.Epoch} at {header.AppendedAt} durable {header.DurablePosition}");
                // A torn frame's header may promise more than there is.
                if (header.Kind != FrameKind.Entries || at + FrameHeader.Size + header.PayloadLength > bytes.Length)
                    continue;
                ReadOnlySpan<byte> payload = bytes.AsSpan(at + FrameHeader.Size, header.PayloadLength);
                while (!payload.IsEmpty && EntryCodec.TryRead(ref payload, out var entry))
                    write($"  {entry.Kind} group {entry.Group} lane {entry.Lane} {entry.Offset}+{entry.Count} number {entry.Number} epoch {entry.Epoch} time {entry.Time} {entry.Name}");
            }
        }
    }
}
