using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Repair;
using Xunit;
using static OrleansMq.Storage.Files.Tests.RepairGround;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>What keeps brokers from half of a repair, and for how long.</summary>
public sealed class RepairMarkTests
{
    [Fact]
    public async Task NoBrokerUsesHalfOfARepairAndNoneThatAcceptsNoLossCompletesIt()
    {
        var files = await DamageThatOnlyATornTailProves();
        var asItWas = Bytes(Placed(files, 1));
        var refused = 0;
        for (var (call, completed) = (1, false); !completed; call++)
        {
            var disk = Placed(files, call);
            completed = IsRepaired(disk, call);
            if (!completed && !AreAlike(asItWas, Bytes(disk)) && AssertRefusedWithoutLoss(disk))
                refused++;

            Mended(disk);

            Assert.False(IsMarked(disk));
            Assert.Equal([0, 2], await ReadAll(disk));
        }

        Assert.True(refused > 3, $"{refused} cuts left half of a repair");
    }

    /// <returns>False: all was done, and only the mark's end was cut off or not even that.</returns>
    private static bool AssertRefusedWithoutLoss(SimDisk disk)
    {
        if (!IsMarked(disk))
        {
            Assert.Empty(ProblemsOf(disk));
            return false;
        }

        Assert.Throws<DataFolderException>(() => StorageOn(disk));
        var half = Bytes(disk);
        Assert.Contains(Run(disk, acceptLoss: false).Left, step => step.What.Contains("run it with --accept-loss again", StringComparison.Ordinal));
        Assert.True(AreAlike(half, Bytes(disk)));
        Run(disk, acceptLoss: true, dry: true);
        Assert.Throws<DataFolderException>(() => StorageOn(disk));
        using var inspector = LogInspector.Open("/data", disk);
        Assert.Contains(inspector.Problems(), problem => problem.Contains("mq doctor --repair --accept-loss again", StringComparison.Ordinal));
        return true;
    }

    [Theory]
    [InlineData(DiskError.Full)]
    [InlineData(DiskError.Failed)]
    public async Task WhereverTheDiskFailsARepairNoOffsetIsGivenAgain(DiskError error)
    {
        var files = await DamageThatOnlyATornTailProves();
        var asItWas = Bytes(Placed(files, 1));
        var halves = 0;
        for (var (call, hit) = (1, true); hit; call++)
        {
            var disk = Placed(files, call);
            var at = disk.Calls + call;
            hit = false;
            disk.Fault = each => each.Number == at && (hit = true) ? error : null;
            var report = RunUnlessRefused(disk);
            disk.Fault = null;

            if (report is { Left.Count: > 0 } && !AreAlike(asItWas, Bytes(disk)) && IsMarked(disk))
            {
                halves++;
                Assert.Contains(report.Left, step => step.What.Contains($"{Copies}/repair-1.txt", StringComparison.Ordinal) || step.What.Contains("repairing", StringComparison.Ordinal));
                Assert.Throws<DataFolderException>(() => StorageOn(disk));
            }
            else if (!AreAlike(asItWas, Bytes(disk)))
                Assert.Empty(ProblemsOf(disk));

            Mended(disk);
            Assert.Equal([0, 2], await ReadAll(disk));
            await using var broker = await Start(disk);
            Assert.True((await broker.Publish("t", [Message.OfText("new")]))[0].OrThrow().Offset > 3);
        }

        Assert.True(halves > 3, $"{halves} failures left half of a repair");
    }

    private static RepairReport? RunUnlessRefused(SimDisk disk)
    {
        try
        {
            return Run(disk, acceptLoss: true);
        }
        catch (Exception e) when (e is DataFolderException || e is DiskException { Operation: not "write" })
        {
            // Of opening the folder: nothing was looked at.
            return null;
        }
    }

    [Fact]
    public async Task WhatIsLeftBesideACutOffRepairKeepsNoBrokerAwayAfterItIsRepeated()
    {
        var files = await DamageThatOnlyATornTailProves();
        files.Add(("/data/documents/ff.docs", [1, 2, 3]));
        var cut = 0;
        for (var (call, completed) = (1, false); !completed; call++)
        {
            var disk = Placed(files, call);
            completed = IsRepaired(disk, call);
            cut += IsMarked(disk) ? 1 : 0;

            Assert.Equal("/data/documents/ff.docs", Assert.Single(Run(disk, acceptLoss: true).Left).Path);

            Assert.False(IsMarked(disk));
            Assert.Equal([0, 2], await ReadAll(disk));
        }

        Assert.True(cut > 3, $"{cut} cuts left a mark");
    }

    [Theory]
    [InlineData("")]
    [InlineData("mq doctor --repair\n")]
    [InlineData("no-loss\tform")]
    public async Task AMarkThatDoesNotParseGoesWhereLossIsAcceptedAndNothingIsLeft(string mark)
    {
        var disk = Placed(await DamageThatOnlyATornTailProves(), 1);
        Mended(disk);
        disk.Place(Mark, System.Text.Encoding.UTF8.GetBytes(mark));

        Assert.NotEmpty(Run(disk, acceptLoss: false).Left);
        Run(disk, acceptLoss: true, dry: true);
        Assert.True(IsMarked(disk));

        Mended(disk);
        Assert.False(IsMarked(disk));
    }

    [Fact]
    public async Task ALineOfWhatIsNotThereAnyMoreGoes()
    {
        var disk = Placed(await DamageThatOnlyATornTailProves(), 1);
        Mended(disk);
        disk.Place(Mark, "accept-loss\tlogs/gone/0\nno-loss\tformat\n"u8.ToArray());

        Assert.Empty(Run(disk, acceptLoss: false).Left);

        Assert.False(IsMarked(disk));
    }

    [Fact]
    public async Task ARepairThatIsCancelledBetweenTwoThingsLeavesNoMark()
    {
        var disk = Placed(await DamageThatOnlyATornTailProves(), 1);
        disk.Place("/data/format", "?"u8.ToArray());

        using (var repair = FolderRepair.Open("/data", Copies, DateTimeOffset.UnixEpoch, disk))
            Assert.Throws<OperationCanceledException>(() => repair.Run(acceptLoss: true, cancel: new CancellationToken(canceled: true)));

        Assert.NotEqual("?"u8.ToArray(), disk.ContentOf("/data/format"));
        Assert.False(IsMarked(disk));
    }

    [Theory]
    [InlineData("/data/", null)]
    [InlineData("/data", "/copies/")]
    public async Task ATrailingSlashIsNoOtherFolder(string folder, string? copies)
    {
        var disk = Placed(await DamageThatOnlyATornTailProves(), 1);

        using (var repair = FolderRepair.Open(folder, copies, DateTimeOffset.UnixEpoch, disk))
            Assert.Equal(copies is null ? "/data.before-repair-19700101T000000Z" : "/copies", repair.Run(acceptLoss: true).Copies);

        Assert.DoesNotContain(disk.FilesBelow("/data"), file => file.Path.Contains("before-repair", StringComparison.Ordinal));
        Assert.Throws<DataFolderException>(() => FolderRepair.Open(folder, "/data/", DateTimeOffset.UnixEpoch, disk));
    }
}
