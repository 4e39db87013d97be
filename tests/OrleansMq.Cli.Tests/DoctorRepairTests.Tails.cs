namespace OrleansMq.Cli.Tests;

/// <summary>What is left to the broker, and what is only tried.</summary>
public sealed partial class DoctorRepairTests
{
    [Fact]
    public async Task ATornTailIsLeftToTheBrokerWhereNoLossIsAccepted()
    {
        DamagedFolder.Write(_folder.Segments[^1], DamagedFolder.Read(_folder.Segments[^1]).Length, "half a frame"u8);
        var before = _folder.Bytes();
        Assert.Equal(ExitCode.Done, (await Doctor()).Code);

        var run = await Doctor("--repair");

        Assert.Equal(ExitCode.Done, run.Code);
        Assert.Contains(run.Lines, line => line.StartsWith("note: ", StringComparison.Ordinal) && line.Contains("a broker would cut them. --accept-loss would give up", StringComparison.Ordinal));
        Assert.Equal(before, _folder.Bytes());
        await AssertServedBut([]);
    }

    [Fact]
    public async Task ATornTailKeepsNothingElseFromBeingMendedWithoutLoss()
    {
        DamagedFolder.Write(_folder.Segments[^1], DamagedFolder.Read(_folder.Segments[^1]).Length, "half a frame"u8);
        DamagedFolder.Flip(_folder.Segments[1], 41);

        var run = await Doctor("--repair");

        Assert.True(run.Code == ExitCode.Done, run.Out);
        Assert.Contains(run.Lines, line => line.StartsWith("repaired: ", StringComparison.Ordinal) && line.Contains("its header did not read back", StringComparison.Ordinal));
        await AssertServedBut([]);
    }

    [Fact]
    public async Task ATailIsPassedOverWhereLossIsAcceptedAndNoOffsetOfItIsGivenAgain()
    {
        // The last message's own frame: nothing behind it says that it was flushed.
        _folder.ForgetSnapshots();
        var newest = _folder.Segments[^1];
        var bytes = DamagedFolder.Read(newest);
        var at = bytes.AsSpan().LastIndexOf(System.Text.Encoding.UTF8.GetBytes($"m{LeftFolder.Messages - 1}|"));
        DamagedFolder.Cut(newest, bytes.Length - at - 4);

        var run = await Doctor("--repair", "--accept-loss");

        Assert.True(run.Code == ExitCode.Done, run.Out);
        Assert.Contains(run.Lines, line => line.Contains($"Lost: topic 't' partition 0, offsets {LeftFolder.Messages - 1} to ", StringComparison.Ordinal) && line.Contains("no frame says that it was ever flushed", StringComparison.Ordinal));
        await AssertNothingIsLeftToDo();
        var served = await ServedMessages.From(_folder.Path);
        Assert.Equal(Enumerable.Range(0, LeftFolder.Messages - 1).Select(i => (long)i), served.Read.Keys.Order());
        Assert.True(served.NextOffset >= LeftFolder.Messages, $"the next message got offset {served.NextOffset}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ADryRunSaysWhatARepairDoesAndChangesNothing(bool acceptLoss)
    {
        DamagedFolder.Flip(_folder.Segments[1], 41);
        if (acceptLoss)
            _folder.FlipIn("m50|");
        var before = _folder.Bytes();
        string[] options = acceptLoss ? ["--repair", "--accept-loss"] : ["--repair"];

        var dry = await Doctor([.. options, "--dry-run"]);

        Assert.Equal(before, _folder.Bytes());
        Assert.Empty(_folder.Copies);
        Assert.Equal(ExitCode.DamageFound, dry.Code);
        var would = dry.Lines.Where(line => line.StartsWith("would: ", StringComparison.Ordinal)).Select(line => line["would: ".Length..]).ToList();
        Assert.NotEmpty(would);
        Assert.Equal((await Doctor(options)).Lines.Where(line => line.StartsWith("repaired: ", StringComparison.Ordinal)).Select(line => line["repaired: ".Length..]), would);
    }

    [Fact]
    public async Task WhatIsLostIsWrittenDownBesideTheCopiesBeforeAnythingChanges()
    {
        _folder.FlipIn("m50|");

        await Doctor("--repair", "--accept-loss");

        Assert.Contains("offsets 50 to 50", await File.ReadAllTextAsync(Path.Join(_folder.Copies.Single(), "repair-1.txt")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task CopiesInTheFolderItselfAreRefused() => Assert.Equal(ExitCode.Usage, (await Doctor("--repair", "--copies", Path.Join(_folder.Path, "copies"))).Code);

    [Fact]
    public async Task ATrailingSlashIsNoOtherFolderNorLetsCopiesIn()
    {
        _folder.FlipIn("m50|");
        Assert.Equal(ExitCode.Usage, (await Mq.Run(NoBroker, "doctor", _folder.Path, "--repair", "--accept-loss", "--copies", _folder.Path + "/")).Code);

        Assert.Equal(ExitCode.Done, (await Mq.Run(NoBroker, "doctor", _folder.Path + "/", "--repair", "--accept-loss")).Code);

        Assert.Single(_folder.Copies);
        Assert.DoesNotContain(_folder.Bytes().Keys, path => path.Contains("before-repair", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("accept-loss\tlogs\n", "--repair --accept-loss again")]
    [InlineData("no-loss\tlogs\n", "--repair again")]
    public async Task ARepairThatWasCutOffIsDamage(string mark, string what)
    {
        await File.WriteAllTextAsync(Path.Join(_folder.Path, "repairing"), mark);

        var run = await Doctor();
        Assert.Equal(ExitCode.DamageFound, run.Code);
        Assert.Contains(run.Lines, line => line.StartsWith("damage: ", StringComparison.Ordinal) && line.Contains(what, StringComparison.Ordinal));
        Assert.DoesNotContain(run.Lines, line => line.Contains("no damage", StringComparison.Ordinal));

        Assert.False((bool)(await Doctor("--json")).Json["clean"]!);
    }

    [Fact]
    public async Task WhatARepairLeftIsNotCleanForProgramsNorInTheSummary()
    {
        DamagedFolder.Flip(_folder.All("*the-group*.doc").Single(), 60);

        var run = await Doctor("--repair");
        Assert.Contains(", 1 left by the repair", run.Lines[^1], StringComparison.Ordinal);
        Assert.False((bool)(await Doctor("--repair", "--json")).Json["clean"]!);
    }

    [Fact]
    public async Task ADryRunOnAFolderWithoutAFormatSaysWhatWouldBeDone()
    {
        File.Delete(Path.Join(_folder.Path, "format"));

        var dry = await Doctor("--repair", "--dry-run");

        Assert.Equal(ExitCode.DamageFound, dry.Code);
        Assert.StartsWith("would: ", dry.Lines[0], StringComparison.Ordinal);
        Assert.Contains(dry.Lines, line => line.StartsWith("damage: ", StringComparison.Ordinal) && line.Contains("format", StringComparison.Ordinal));
    }
}
