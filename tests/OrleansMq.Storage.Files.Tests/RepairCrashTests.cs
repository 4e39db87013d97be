using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files.Repair;
using Xunit;
using static OrleansMq.Storage.Files.Tests.RepairGround;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>The power goes while a folder is repaired: the next repair completes it.</summary>
public sealed class RepairCrashTests
{
    private const int Messages = 60;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ARepairThatIsCutOffAtAnyCallIsCompletedByTheNext(bool snapshots)
    {
        var files = await Damaged(snapshots);
        var completed = false;
        for (var call = 1; !completed; call++)
        {
            var disk = Placed(files, call);
            completed = IsRepaired(disk, call);

            Mended(disk);

            Assert.Empty(ProblemsOf(disk));
            Assert.Equal(Enumerable.Range(0, Messages).Where(i => i is not (10 or 11 or 40)).Select(i => (long)i), await ReadAll(disk));
        }
    }

    [Fact]
    public async Task ATrimmedLogWithoutASnapshotIsGivenOneOfItsMessages()
    {
        const int many = 240;
        var disk = await TrimmedWithoutSnapshots(many);
        Assert.Contains(ProblemsOf(disk), problem => problem.Contains("no snapshot", StringComparison.Ordinal));

        using (var repair = FolderRepair.Open("/data", Copies, DateTimeOffset.UnixEpoch, disk))
        {
            Assert.NotEmpty(repair.Run(acceptLoss: false).Left);
            Assert.Empty(repair.Run(acceptLoss: true).Left);
        }

        Assert.Empty(ProblemsOf(disk));
        var served = await ReadAll(disk);
        Assert.Equal(Enumerable.Range((int)served[0], many - (int)served[0]).Select(i => (long)i), served);
        Assert.InRange(served[0], 1, many - 10);
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 2, 4)]
    public async Task SoIsOneOfATopicThatGrewOnceAndNotOfOneThatGrewTwice(bool isMade, params int[] partitions)
    {
        var disk = await TrimmedWithoutSnapshots(240, partitions);

        using var repair = FolderRepair.Open("/data", Copies, DateTimeOffset.UnixEpoch, disk);
        var report = repair.Run(acceptLoss: true);

        Assert.Equal(isMade, report.Left.Count == 0);
        Assert.Equal(isMade, report.Done.Any(step => step.Lost?.Contains("at which offset the topic grew", StringComparison.Ordinal) ?? false));
    }

    private static async Task<SimDisk> TrimmedWithoutSnapshots(int many, params int[] growths)
    {
        var left = new SimDisk(1);
        await using (var broker = await Start(left, snapshotBytes: 4_000))
        {
            await broker.PutTopic("t", new TopicChange { Partitions = 1 });
            for (var i = 0; i < many; i++)
            {
                await broker.Publish("t", [Message.OfText($"m{i}|{new string('x', 300)}")]);
                if (i % 20 == 19)
                    await broker.DeleteBefore("t", 0, i - 10);
            }

            foreach (var partitions in growths)
                await broker.PutTopic("t", new TopicChange { Partitions = partitions });
        }

        var disk = new SimDisk(1);
        foreach (var (path, _) in left.FilesBelow("/data").Where(file => !file.Path.Contains("snapshot", StringComparison.Ordinal)))
            disk.Place(path, left.ContentOf(path));
        Assert.DoesNotContain(disk.FilesBelow("/data"), file => file.Path.EndsWith($"/0/{0:D20}.seg", StringComparison.Ordinal));
        return disk;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WhatWaitedInADamagedFrameLeavesItsLaneAndWhatWaitsBesideItStays(bool snapshots)
    {
        var disk = new SimDisk(1);
        await using (var broker = await Start(disk))
        {
            await broker.PutTopic("t", new TopicChange { Partitions = 1 });
            foreach (var name in new[] { "lost", "kept" })
            {
                await broker.Publish("t", [Message.OfText($"{name} later") with { DeliverAfter = TimeSpan.FromHours(1), Token = $"{name}-later" }]);
                await broker.Publish("t", [Message.OfText($"{name} half") with { Half = new HalfTerms("shop"), Token = $"{name}-half" }]);
                await broker.Publish("t", [Message.OfText($"{name} now")]);
            }
        }

        foreach (var text in new[] { "lost later", "lost half" })
        {
            var segment = disk.FilesBelow("/data").Single(file => file.Path.EndsWith(".seg", StringComparison.Ordinal)).Path;
            disk.FlipBit(segment, disk.ContentOf(segment).AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(text)), 0);
        }

        if (!snapshots)
            foreach (var (path, _) in disk.FilesBelow("/data").Where(file => file.Path.Contains("snapshot", StringComparison.Ordinal)))
                disk.Remove(path);
        using (var repair = FolderRepair.Open("/data", Copies, DateTimeOffset.UnixEpoch, disk))
        {
            var report = repair.Run(acceptLoss: true);
            Assert.Empty(report.Left);
            if (snapshots)
                Assert.Contains(report.Done, step => step.Lost is { } lost && lost.Contains("1 delayed messages (0)", StringComparison.Ordinal) && lost.Contains("1 half messages (0)", StringComparison.Ordinal));
        }

        Assert.Empty(ProblemsOf(disk));
        Assert.Equal([0, 1], await ReadAll(disk));
        await using var opened = await Start(disk);
        Assert.Equal(["kept-later"], (await opened.ListScheduled("t")).Items.Select(each => each.Id));
        Assert.Equal("kept half", System.Text.Encoding.UTF8.GetString(Assert.Single((await opened.ListHalf("t")).Items).Message.Body.Span));
    }

    [Fact]
    public async Task WhereAHoleIsLeftTheTailThatProvesItIsNotCut()
    {
        var files = await DamageThatOnlyATornTailProves();
        var disk = Placed(files, 1);

        using (var repair = FolderRepair.Open("/data", Copies, DateTimeOffset.UnixEpoch, disk))
            Assert.NotEmpty(repair.Run(acceptLoss: false).Left);

        Assert.All(files, file => Assert.Equal(file.Bytes, disk.ContentOf(file.Path)));
        Assert.NotEmpty(ProblemsOf(disk));
    }

    [Fact]
    public async Task WhatStandsBehindDamageThatOnlyATornTailProvesIsServedWhereverTheRepairWasCutOff()
    {
        var files = await DamageThatOnlyATornTailProves();
        var completed = false;
        for (var call = 1; !completed; call++)
        {
            var disk = Placed(files, call);
            completed = IsRepaired(disk, call);

            Mended(disk);

            Assert.Empty(ProblemsOf(disk));
            Assert.Equal([0, 2], await ReadAll(disk));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task NoOffsetOfAMissingNewestSegmentIsGivenAgainWhereverTheRepairWasCutOff(bool snapshots)
    {
        var files = await Whole(snapshots);
        files.RemoveAll(file => file.Path == files.FindLast(each => each.Path.EndsWith(".seg", StringComparison.Ordinal)).Path);
        var completed = false;
        for (var call = 1; !completed; call++)
        {
            var disk = Placed(files, call);
            completed = IsRepaired(disk, call);

            Mended(disk);

            Assert.Empty(ProblemsOf(disk));
            var served = await ReadAll(disk);
            Assert.Equal(Enumerable.Range(0, served.Count).Select(i => (long)i), served);
            await using var broker = await Start(disk);
            var next = (await broker.Publish("t", [Message.OfText("new")]))[0].OrThrow().Offset;
            Assert.True(next > Messages, $"the next message got offset {next}, and {served.Count} are served");
        }
    }

    [Fact]
    public async Task AnotherRepairIntoTheSameCopiesLeavesThoseOfTheFirst()
    {
        var disk = Placed(await Whole(snapshots: true), 1);
        var segment = disk.FilesBelow("/data").First(file => file.Path.EndsWith(".seg", StringComparison.Ordinal)).Path;
        var copy = Copies + segment["/data".Length..];
        var seen = new List<byte[]>();
        foreach (var text in new[] { "m3|", "m5|" })
        {
            disk.FlipBit(segment, disk.ContentOf(segment).AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(text)), 0);
            seen.Add(disk.ContentOf(segment));
            using var repair = FolderRepair.Open("/data", Copies, DateTimeOffset.UnixEpoch, disk);
            Assert.Empty(repair.Run(acceptLoss: true).Left);
        }

        Assert.Equal(seen, [disk.ContentOf(copy), disk.ContentOf(copy + ".2")]);
    }

    /// <summary>Frames of three messages, the header of a segment, and a slot of the manifest.</summary>
    private static async Task<List<(string Path, byte[] Bytes)>> Damaged(bool snapshots)
    {
        var disk = Placed(await Whole(snapshots), 1);
        foreach (var (path, _) in disk.FilesBelow("/data").Where(file => file.Path.EndsWith(".seg", StringComparison.Ordinal)))
            foreach (var text in new[] { "m10|", "m11|", "m40|" })
                if (disk.ContentOf(path).AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(text)) is >= 0 and var at)
                    disk.FlipBit(path, at, 0);
        disk.FlipBit(disk.FilesBelow("/data").Where(file => file.Path.EndsWith(".seg", StringComparison.Ordinal)).Select(file => file.Path).Order(StringComparer.Ordinal).ElementAt(1), 30, 0);
        disk.FlipBit(disk.FilesBelow("/data").Single(file => file.Path.EndsWith("manifest", StringComparison.Ordinal)).Path, 20, 0);
        return [.. disk.FilesBelow("/data").Select(file => (file.Path, disk.ContentOf(file.Path)))];
    }

    private static async Task<List<(string Path, byte[] Bytes)>> Whole(bool snapshots)
    {
        var disk = new SimDisk(1);
        await using (var broker = await Start(disk))
        {
            await broker.PutTopic("t", new TopicChange { Partitions = 1 });
            for (var i = 0; i < Messages; i++)
                await broker.Publish("t", [Message.OfText($"m{i}|{new string('x', 300)}")]);
        }

        return [.. disk.FilesBelow("/data").Where(file => snapshots || !file.Path.Contains("snapshot", StringComparison.Ordinal)).Select(file => (file.Path, disk.ContentOf(file.Path)))];
    }
}
