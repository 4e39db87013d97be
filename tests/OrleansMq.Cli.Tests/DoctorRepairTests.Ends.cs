namespace OrleansMq.Cli.Tests;

/// <summary>Where nothing tells how far the log went, or where it began.</summary>
public sealed partial class DoctorRepairTests
{
    /// <summary>What is lost may have named a segment newer than those that are there.</summary>
    private static readonly Dictionary<string, Action<DamagedFolder>> EndsThatNothingTells = new()
    {
        ["both slots of the manifest"] = folder =>
        {
            DamagedFolder.Flip(folder.Manifest, 20);
            DamagedFolder.Flip(folder.Manifest, 4096 + 20);
        },
        ["the manifest is missing"] = folder => File.Delete(folder.Manifest),
        ["the manifest is missing, and the header of the newest segment"] = folder =>
        {
            File.Delete(folder.Manifest);
            DamagedFolder.Flip(folder.Segments[^1], 41);
        },
        ["the manifest is missing, and the header of the first segment"] = folder =>
        {
            File.Delete(folder.Manifest);
            DamagedFolder.Flip(folder.Segments[0], 41);
        },
    };

    public static IEnumerable<object[]> DamagesThatHideTheEnd => EndsThatNothingTells.Keys.Select(damage => new object[] { damage, false }).Concat(EndsThatNothingTells.Keys.Select(damage => new object[] { damage, true }));

    [Theory]
    [MemberData(nameof(DamagesThatHideTheEnd))]
    public async Task WhereNothingTellsWhichSegmentWasTheNewestOffsetsThatItMayHaveHadAreNamedAndNotGivenAgain(string damage, bool wasThere)
    {
        EndsThatNothingTells[damage](_folder);
        await AssertTheEndIsPassedOver(wasThere);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SoAreTheyWhereNothingIsLeftOfTheSlotThatMayHaveNamedIt(bool wasThere)
    {
        DamagedFolder.Write(_folder.Manifest, wasThere ? _folder.NewerSlot : 4096 - _folder.NewerSlot, new byte[64]);
        await AssertTheEndIsPassedOver(wasThere);
    }

    [Fact]
    public async Task WhereWhatIsLeftOfTheOtherSlotShowsThatItNamedNoNewerSegmentNothingIsGivenUp()
    {
        DamagedFolder.Flip(_folder.Manifest, 4096 - _folder.NewerSlot + 40);

        var repaired = await Doctor("--repair");

        Assert.True(repaired.Code == ExitCode.Done, repaired.Out);
        await AssertServedBut([]);
    }

    [Fact]
    public async Task ANewestSegmentThatLostItsHeaderWithAllBehindItIsAsOneThatIsMissing()
    {
        var newest = _folder.Segments[^1];
        _folder.ForgetSnapshots();
        DamagedFolder.Cut(newest, DamagedFolder.Read(newest).Length - 40);

        var repaired = await Doctor("--repair", "--accept-loss");

        Assert.True(repaired.Code == ExitCode.Done, repaired.Out);
        Assert.Contains(repaired.Lines, line => line.Contains($"Lost: topic 't' partition 0, what stood in {Path.GetFileName(newest)}", StringComparison.Ordinal));
        await AssertNothingIsLeftToDo();
        var served = await ServedMessages.From(_folder.Path);
        Assert.True(served.NextOffset > LeftFolder.Messages, $"the next message got offset {served.NextOffset}");
    }

    [Fact]
    public async Task WhereTheNewestSegmentIsShorterThanItsSnapshotNothingTellsHowMuchWasBehindThat()
    {
        DamagedFolder.Cut(_folder.Segments[^1], 5_000);

        var repaired = await Doctor("--repair", "--accept-loss");

        Assert.True(repaired.Code == ExitCode.Done, repaired.Out);
        Assert.Contains(repaired.Lines, line => line.Contains("as far as anything stood there", StringComparison.Ordinal));
        await AssertNothingIsLeftToDo();
        var served = await ServedMessages.From(_folder.Path);
        Assert.InRange(served.Read.Count, 100, LeftFolder.Messages - 1);
        Assert.Equal(Enumerable.Range(0, served.Read.Count).Select(i => (long)i), served.Read.Keys.Order());
        Assert.Contains(repaired.Lines, line => line.Contains($"Lost: topic 't' partition 0, offsets {served.Read.Count} to ", StringComparison.Ordinal));
        Assert.True(served.NextOffset > LeftFolder.Messages, $"the next message got offset {served.NextOffset}");
    }

    private async Task AssertTheEndIsPassedOver(bool wasThere)
    {
        var held = LeftFolder.Messages;
        if (wasThere)
        {
            var newest = _folder.Segments[^1];
            held = Enumerable.Range(20, LeftFolder.Messages - 20).First(i => DamagedFolder.Read(newest).AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes($"m{i}|")) >= 0);
            _folder.ForgetSnapshots();
            File.Delete(newest);
        }

        var before = _folder.Bytes();
        var asked = await Doctor("--repair");
        Assert.Equal(ExitCode.DamageFound, asked.Code);
        Assert.Contains(asked.Lines, line => line.StartsWith("left: ", StringComparison.Ordinal) && line.Contains($"--accept-loss would give up: topic 't' partition 0, offsets {held} to ", StringComparison.Ordinal));
        Assert.Equal(before, _folder.Bytes());

        var repaired = await Doctor("--repair", "--accept-loss");

        Assert.True(repaired.Code == ExitCode.Done, repaired.Out);
        Assert.Contains(repaired.Lines, line => line.Contains($"Lost: topic 't' partition 0, offsets {held} to ", StringComparison.Ordinal) && line.Contains("as far as anything stood there", StringComparison.Ordinal));
        await AssertNothingIsLeftToDo();
        var served = await ServedMessages.From(_folder.Path);
        Assert.Equal(Enumerable.Range(0, held).Select(i => (long)i), served.Read.Keys.Order());
        Assert.True(served.NextOffset > LeftFolder.Messages, $"the next message got offset {served.NextOffset}");
    }

    [Theory]
    [InlineData(20)]
    [InlineData(4096 + 20)]
    public async Task ASegmentThatIsMissingBesideASlotIsNamedAndTheLogDoesNotBeginBehindItUnsaid(int slot)
    {
        File.Delete(_folder.Segments[0]);
        DamagedFolder.Flip(_folder.Manifest, slot);

        var repaired = await Doctor("--repair", "--accept-loss");

        Assert.True(repaired.Code == ExitCode.Done, repaired.Out);
        Assert.Contains(repaired.Lines, line => line.Contains("Lost: topic 't' partition 0, what stood in 00000000000000000000.seg", StringComparison.Ordinal));
        await AssertServedBut(LostOffsets(repaired));
    }

    [Fact]
    public async Task AManifestIsNotMadeAgainWhereNothingShowsWhereTheLogBegan()
    {
        File.Delete(_folder.Segments[0]);
        File.Delete(_folder.Manifest);
        var before = _folder.Bytes();

        var run = await Doctor("--repair", "--accept-loss");

        Assert.Equal(ExitCode.DamageFound, run.Code);
        Assert.Contains(run.Lines, line => line.StartsWith("left: ", StringComparison.Ordinal) && line.Contains("nothing shows that the log has lost nothing before position", StringComparison.Ordinal) && line.Contains("Restore it", StringComparison.Ordinal));
        Assert.Equal(before, _folder.Bytes());
    }
}
