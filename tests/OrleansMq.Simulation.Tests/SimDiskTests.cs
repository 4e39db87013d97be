using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files.Disk;
using Xunit;

namespace OrleansMq.Simulation.Tests;

/// <summary>The simulated disk's own bytes, which are written in place.</summary>
public sealed class SimDiskTests
{
    private readonly SimDisk _disk = new(1);

    [Fact]
    public void WhatWasCutOffDoesNotComeBack()
    {
        using var file = _disk.Open("/a", DiskOpenMode.Create);
        file.Write([1, 2, 3, 4, 5, 6, 7, 8], 0);
        file.SetLength(2);
        file.SetLength(6);
        Assert.Equal<byte>([1, 2, 0, 0, 0, 0], _disk.ContentOf("/a"));
        file.SetLength(1);
        file.Write([9], 4);
        Assert.Equal<byte>([1, 0, 0, 0, 9], _disk.ContentOf("/a"));
    }

    [Fact]
    public void AfterACrashTheCacheAndThePlatterAreTwoAgain()
    {
        var after = Enumerable.Range(0, 100).Select(crash =>
        {
            var disk = new SimDisk(1);
            disk.Place("/a", [1, 2, 3]);
            disk.Crash(crash);
            using (var file = disk.Open("/a", DiskOpenMode.ReadWrite))
                file.Write([7], 0);
            disk.Crash(crash);
            return disk.ContentOf("/a")[0];
        });
        // Without a flush a write may survive a crash, and it need not.
        Assert.Equal<byte>([1, 7], after.Distinct().Order());
    }

    [Fact]
    public void WhatWasFlushedStaysWhateverComesAfter()
    {
        using (var file = _disk.Open("/a", DiskOpenMode.Create))
        {
            file.Write([1, 2, 3], 0);
            file.Flush();
            _disk.FlushDirectory("/");
            file.Write([9, 9], 3);
        }

        _disk.Crash(3);
        Assert.Equal<byte>([1, 2, 3], _disk.ContentOf("/a")[..3]);
    }
}
