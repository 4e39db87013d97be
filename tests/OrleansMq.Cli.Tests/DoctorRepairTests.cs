using System.Globalization;
using System.Text.RegularExpressions;
using OrleansMq.Conformance.Broker;

namespace OrleansMq.Cli.Tests;

/// <summary>Damage, doctor, repair, doctor, broker.</summary>
public sealed partial class DoctorRepairTests(LeftFolder left) : IClassFixture<LeftFolder>, IDisposable
{
    private static readonly IBroker NoBroker = BrokerProxy.Failing(new InvalidOperationException("The doctor needs no broker."));
    private readonly DamagedFolder _folder = new(left.Path);

    private static readonly Dictionary<string, Action<DamagedFolder>> Mended = new()
    {
        ["a slot of the manifest"] = folder => DamagedFolder.Flip(folder.Manifest, 20),
        ["the other slot of the manifest"] = folder => DamagedFolder.Flip(folder.Manifest, 4096 + 20),
        ["the identity in the manifest"] = folder => DamagedFolder.Flip(folder.Manifest, 8192 + 20),
        ["a slot of the manifest, and the header of the first segment"] = folder =>
        {
            DamagedFolder.Flip(folder.Manifest, 20);
            DamagedFolder.Flip(folder.Segments[0], 41);
        },
        ["a slot of the manifest, and the header of the newest segment"] = folder =>
        {
            DamagedFolder.Flip(folder.Manifest, 20);
            DamagedFolder.Flip(folder.Segments[^1], 41);
        },
        ["the other slot of the manifest, and the header of the newest segment"] = folder =>
        {
            DamagedFolder.Flip(folder.Manifest, 4096 + 20);
            DamagedFolder.Flip(folder.Segments[^1], 41);
        },
        ["between the manifest's slots"] = folder => DamagedFolder.Flip(folder.Manifest, 300),
        ["the header of a segment"] = folder => DamagedFolder.Flip(folder.Segments[1], 41),
        ["the header of the newest segment"] = folder => DamagedFolder.Flip(folder.Segments[^1], 41),
        ["the beginning of a file of documents"] = folder => DamagedFolder.Flip(folder.All("*.docs")[0], 20),
    };

    private static readonly Dictionary<string, Action<DamagedFolder>> GivenUp = new()
    {
        ["a message in front of the snapshot"] = folder => folder.FlipIn("m50|"),
        ["two messages in front of the snapshot, and a segment's header"] = folder =>
        {
            folder.FlipIn("m50|");
            folder.FlipIn("m52|");
            DamagedFolder.Flip(folder.Segments[2], 41);
        },
        ["a message that is to be replayed"] = folder =>
        {
            folder.ForgetSnapshots();
            folder.FlipIn("m50|");
        },
        ["two messages that are to be replayed"] = folder =>
        {
            folder.ForgetSnapshots();
            folder.FlipIn("m50|");
            folder.FlipIn("m90|");
        },
        ["a segment is missing"] = folder => File.Delete(folder.Segments[1]),
        ["the first segment is missing"] = folder => File.Delete(folder.Segments[0]),
        ["a segment lost its end"] = folder => DamagedFolder.Cut(folder.Segments[1], 5_000),
    };

    public static IEnumerable<object[]> MendedDamages => Mended.Keys.Select(damage => new object[] { damage });

    public static IEnumerable<object[]> GivenUpDamages => GivenUp.Keys.Select(damage => new object[] { damage });

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(MendedDamages))]
    public async Task WhatIsKnownFromElsewhereIsMendedWithoutLoss(string damage)
    {
        Mended[damage](_folder);
        var damaged = _folder.Bytes();
        Assert.Equal(ExitCode.DamageFound, (await Doctor()).Code);

        var repaired = await Doctor("--repair");

        Assert.True(repaired.Code == ExitCode.Done, repaired.Out);
        Assert.DoesNotContain(repaired.Lines, line => line.Contains("Lost:", StringComparison.Ordinal));
        Assert.Contains(repaired.Lines, line => line.StartsWith("repaired: ", StringComparison.Ordinal));
        AssertCopied(damaged);
        Assert.Equal(ExitCode.Done, (await Doctor()).Code);
        await AssertNothingIsLeftToDo();
        await AssertServedBut([]);
    }

    [Theory]
    [MemberData(nameof(GivenUpDamages))]
    public async Task WhatIsGoneIsGivenUpWhereThatIsAcceptedAndAllElseIsServed(string damage)
    {
        GivenUp[damage](_folder);
        var damaged = _folder.Bytes();
        Assert.Equal(ExitCode.DamageFound, (await Doctor()).Code);

        var asked = await Doctor("--repair");
        Assert.Equal(ExitCode.DamageFound, asked.Code);
        Assert.Contains(asked.Lines, line => line.StartsWith("left: ", StringComparison.Ordinal) && line.Contains("--accept-loss would give up: topic 't' partition 0", StringComparison.Ordinal));

        var repaired = await Doctor("--repair", "--accept-loss");

        Assert.True(repaired.Code == ExitCode.Done, repaired.Out);
        AssertCopied(damaged);
        Assert.Equal(ExitCode.Done, (await Doctor()).Code);
        await AssertNothingIsLeftToDo();
        var lost = LostOffsets(repaired);
        Assert.NotEmpty(lost);
        Assert.True(lost.Count < 60, $"{lost.Count} offsets are said to be lost");
        await AssertServedBut(lost);
    }

    [Fact]
    public async Task WithoutAcceptanceNothingIsGivenUp()
    {
        _folder.FlipIn("m50|");
        var damaged = _folder.Bytes();

        var run = await Doctor("--repair");

        Assert.Contains(run.Lines, line => line.Contains("--accept-loss would give up: topic 't' partition 0, offsets 50 to 50", StringComparison.Ordinal));
        Assert.Equal(damaged, _folder.Bytes());
        Assert.Empty(_folder.Copies);
    }

    [Fact]
    public async Task WhereTheRestMakesNoSenseWithoutWhatIsDamagedItIsGivenUpAndNoOffsetIsGivenTwice()
    {
        _folder.ForgetSnapshots();
        // The frame that says that there is the group: later ones speak of it by its number.
        _folder.FlipIn("the-group");

        var repaired = await Doctor("--repair", "--accept-loss");

        Assert.True(repaired.Code == ExitCode.Done, repaired.Out);
        Assert.Contains(repaired.Lines, line => line.Contains("Lost: topic 't' partition 0, offsets 20 to 119 and all changes of groups, deletions", StringComparison.Ordinal));
        var served = await ServedMessages.From(_folder.Path);
        Assert.Equal(Enumerable.Range(0, 20).Select(i => (long)i), served.Read.Keys.Order());
        Assert.True(served.NextOffset >= LeftFolder.Messages, $"the next message got offset {served.NextOffset}");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WhereTheNewestSegmentIsMissingNoOffsetOfItIsGivenAgain(bool snapshots)
    {
        var newest = _folder.Segments[^1];
        var first = Enumerable.Range(20, LeftFolder.Messages - 20).First(i => DamagedFolder.Read(newest).AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes($"m{i}|")) >= 0);
        File.Delete(newest);
        if (!snapshots)
            _folder.ForgetSnapshots();

        var repaired = await Doctor("--repair", "--accept-loss");

        Assert.True(repaired.Code == ExitCode.Done, repaired.Out);
        await AssertNothingIsLeftToDo();
        Assert.Contains(repaired.Lines, line => line.Contains("Lost: topic 't' partition 0, offsets ", StringComparison.Ordinal));
        var served = await ServedMessages.From(_folder.Path);
        Assert.Equal(Enumerable.Range(0, first).Select(i => (long)i), served.Read.Keys.Order());
        Assert.True(served.NextOffset > LeftFolder.Messages, $"the next message got offset {served.NextOffset}");
    }

    [Fact]
    public async Task AHoleThatIsTooLongForAGapIsLeftAndNothingIsChanged()
    {
        var newest = _folder.Segments[^1];
        File.Move(newest, Path.Join(Path.GetDirectoryName(newest), $"{3_000_000_000:D20}.seg"));
        var before = _folder.Bytes();

        var run = await Doctor("--repair", "--accept-loss");

        Assert.Equal(ExitCode.DamageFound, run.Code);
        Assert.Contains(run.Lines, line => line.StartsWith("left: ", StringComparison.Ordinal) && line.Contains("more than one gap can stand in for", StringComparison.Ordinal));
        Assert.Equal(before, _folder.Bytes());
    }

    [Fact]
    public async Task ADamagedSnapshotIsTakenAwayWhereTheLogStandsIn()
    {
        var newest = _folder.All("snapshot-*")[^1];
        DamagedFolder.Flip(newest, 100);
        Assert.Contains((await Doctor()).Lines, line => line.StartsWith("note: ", StringComparison.Ordinal) && line.Contains("snapshot", StringComparison.Ordinal));

        Assert.Equal(ExitCode.Done, (await Doctor("--repair")).Code);

        Assert.False(File.Exists(newest));
        Assert.DoesNotContain((await Doctor()).Lines, line => line.StartsWith("note: ", StringComparison.Ordinal));
        await AssertServedBut([]);
    }

    [Fact]
    public async Task ATopicsDocumentIsMadeAgainFromItsLogsWhereThatIsAccepted()
    {
        _folder.FlipDocument("topics/t");
        Assert.Equal(ExitCode.DamageFound, (await Doctor("--repair")).Code);

        var repaired = await Doctor("--repair", "--accept-loss");

        Assert.Contains(repaired.Lines, line => line.Contains("Lost: topic 't', settings that were changed since", StringComparison.Ordinal));
        Assert.Equal(ExitCode.Done, (await Doctor()).Code);
        await AssertServedBut([]);
    }

    [Fact]
    public async Task ADocumentThatStandsNowhereElseIsLeftAndNamed()
    {
        _folder.FlipDocument("/the-group");

        var run = await Doctor("--repair", "--accept-loss");

        Assert.Equal(ExitCode.DamageFound, run.Code);
        Assert.Contains(run.Lines, line => line.StartsWith("left: ", StringComparison.Ordinal) && line.Contains("the-group'", StringComparison.Ordinal) && line.Contains("restore the file from a copy", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AFolderThatLostItsFormatIsRefusedUntilItIsRepaired()
    {
        await File.WriteAllTextAsync(Path.Join(_folder.Path, "format"), "prleansmq data 1\n");
        Assert.Equal(ExitCode.Usage, (await Doctor()).Code);

        Assert.Equal(ExitCode.Done, (await Doctor("--repair")).Code);

        await AssertServedBut([]);
    }

    [Fact]
    public async Task AFolderOfANewerVersionIsLeftAlone()
    {
        await File.WriteAllTextAsync(Path.Join(_folder.Path, "format"), "orleansmq data 99\n");
        var before = _folder.Bytes();

        Assert.Equal(ExitCode.Usage, (await Doctor("--repair", "--accept-loss")).Code);

        Assert.Equal(before, _folder.Bytes());
    }

    [Fact]
    public async Task ARunningBrokerKeepsTheFolderFromBeingRepaired()
    {
        await using var broker = await LeftFolder.Start(_folder.Path);

        var run = await Doctor("--repair");

        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.Contains("in use", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatBelongsToARepairIsRefusedWithoutOne() => Assert.Equal(ExitCode.Usage, (await Doctor("--accept-loss")).Code);

    [Fact]
    public async Task ForProgramsTheRepairIsPartOfTheDocument()
    {
        _folder.FlipIn("m50|");

        var found = (await Doctor("--repair", "--accept-loss", "--json")).Json;

        Assert.True((bool)found["clean"]!);
        Assert.Contains("offsets 50 to 50", (string)found["repair"]!["done"]!.AsArray().Single(step => step!["lost"] is not null)!["lost"]!, StringComparison.Ordinal);
        Assert.Equal(_folder.Copies.Single(), (string)found["repair"]!["copies"]!);
    }

    private Task<Mq> Doctor(params string[] options) => Mq.Run(NoBroker, ["doctor", _folder.Path, .. options]);

    private async Task AssertNothingIsLeftToDo()
    {
        var (before, copies) = (_folder.Bytes(), _folder.Copies.Count);
        Assert.DoesNotContain((await Doctor("--repair", "--accept-loss")).Lines, line => line.StartsWith("repaired: ", StringComparison.Ordinal));
        Assert.Equal(before, _folder.Bytes());
        Assert.Equal(copies, _folder.Copies.Count);
    }

    /// <summary>Every file that is another now lies in a copy as it was.</summary>
    private void AssertCopied(Dictionary<string, byte[]> before)
    {
        var now = _folder.Bytes();
        foreach (var (file, bytes) in before)
            if (!now.TryGetValue(file, out var there) || !there.AsSpan().SequenceEqual(bytes))
                Assert.Contains(_folder.Copies, copies => Path.Join(copies, Path.GetRelativePath(_folder.Path, file)) is var copy && File.Exists(copy) && File.ReadAllBytes(copy).AsSpan().SequenceEqual(bytes));
    }

    private async Task AssertServedBut(HashSet<long> lost)
    {
        var served = await ServedMessages.From(_folder.Path);
        var kept = Enumerable.Range(0, LeftFolder.Messages).Select(i => (long)i).Where(i => !lost.Contains(i)).ToList();
        Assert.Equal(kept, served.Read.Keys.Order());
        Assert.All(served.Read, message => Assert.Equal(LeftFolder.Text((int)message.Key), message.Value));
        // What was settled may come again where its settlement is lost.
        Assert.Empty(kept.Where(offset => offset >= 5).Except(served.Delivered));
        Assert.Equal(LeftFolder.Messages, served.NextOffset);
    }

    private static HashSet<long> LostOffsets(Mq run)
    {
        var lost = new HashSet<long>();
        foreach (var line in run.Lines.Where(line => line.StartsWith("repaired: ", StringComparison.Ordinal)))
            foreach (Match range in Offsets().Matches(line))
                for (var offset = Number(range.Groups[1]); offset <= Number(range.Groups[2]); offset++)
                    lost.Add(offset);
        return lost;
    }

    private static long Number(Group group) => long.Parse(group.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"offsets (\d+) to (\d+)")]
    private static partial Regex Offsets();
}
