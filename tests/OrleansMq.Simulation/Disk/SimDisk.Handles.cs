using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Simulation.Disk;

/// <summary>What a process holds of the disk: locks and open files, which end with its life.</summary>
public sealed partial class SimDisk
{
    private sealed class Held(SimDisk disk, string path, int life) : IDisposable
    {
        private bool _released;

        public void Dispose()
        {
            lock (disk._gate)
            {
                if (!_released && life == disk._life)
                    disk._locks[path] = Math.Max(0, Math.Abs(disk._locks[path]) - 1);
                _released = true;
            }
        }
    }

    private sealed class OpenFile(SimDisk disk, SimInode inode, string path, int life) : IDiskFile
    {
        public long Length => Locked(() => (long)inode.Cached.Length);

        public void Write(ReadOnlySpan<byte> bytes, long offset)
        {
            lock (disk._gate)
            {
                CheckLife();
                try
                {
                    disk.Begin("pwrite", path, out var error);
                    error ??= offset + bytes.Length > inode.Allocated ? Refusal(offset + bytes.Length) : null;
                    if (error is not { } failed)
                    {
                        inode.Write(bytes, offset);
                        return;
                    }
                    inode.Write(bytes[..disk._random.Next(bytes.Length + 1)], offset);
                    throw Error(failed, "pwrite", path);
                }
                catch (SimPowerLossException)
                {
                    inode.Write(bytes[..disk._random.Next(bytes.Length + 1)], offset);
                    throw;
                }
            }
        }

        public int Read(Span<byte> destination, long offset)
        {
            lock (disk._gate)
            {
                CheckLife();
                disk.Call("pread", path);
                return Copy(destination, offset);
            }
        }

        public bool TryReadCached(Span<byte> destination, long offset, out int count)
        {
            lock (disk._gate)
            {
                CheckLife();
                disk.Call("preadv2", path);
                var cached = disk._random.Next(4) != 0;
                count = cached ? Copy(destination, offset) : 0;
                return cached;
            }
        }

        public void Flush()
        {
            lock (disk._gate)
            {
                CheckLife();
                disk.Begin("fdatasync", path, out var error);
                if (error is { } failed)
                {
                    inode.LoseUnflushed(disk._random);
                    throw Error(failed, "fdatasync", path);
                }
                if (!disk.FlushLies)
                    inode.Flush();
            }
        }

        public void SetLength(long length) => Locked(() =>
        {
            disk.Call("ftruncate", path);
            inode.SetLength(length);
            return true;
        });

        public void Reserve(long offset, long count) => Locked(() =>
        {
            disk.Call("fallocate", path);
            if (Refusal(offset + count) is { } full)
                throw Error(full, "fallocate", path);
            inode.Reserve(offset + count);
            return true;
        });

        public void Dispose()
        {
        }

        private DiskError? Refusal(long end) =>
            disk.Capacity != long.MaxValue && Used(disk._root) + Math.Max(0, end - inode.Allocated) > disk.Capacity ? DiskError.Full : null;

        private int Copy(Span<byte> destination, long offset)
        {
            var count = (int)Math.Clamp(inode.Cached.Length - offset, 0, destination.Length);
            inode.Cached.Span.Slice((int)Math.Min(offset, inode.Cached.Length), count).CopyTo(destination);
            return count;
        }

        private T Locked<T>(Func<T> use)
        {
            lock (disk._gate)
            {
                CheckLife();
                return use();
            }
        }

        private void CheckLife()
        {
            if (life != disk._life)
                throw new SimPowerLossException();
        }
    }
}
