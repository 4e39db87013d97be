using OrleansMq.Trials.Faults;

namespace OrleansMq.Trials.Tests;

/// <summary>
/// A share of the trials of the real program; the commands run them at length (docs/reliability.md). Where a right or a tool is missing the test is skipped, and says which.
/// </summary>
public sealed class TrialTests
{
    [Fact]
    public void KilledAgainAndAgainItLosesNothing() => HoldsAfter("Kill", KillTrial.Run(11, TimeSpan.FromSeconds(9)));

    [NeedsImageFact]
    public void WhatWasAcknowledgedSurvivesAPowerLoss() => HoldsAfter("PowerLoss", PowerLossTrial.Run(12, TimeSpan.FromSeconds(9)));

    [NeedsImageFact]
    public void AFullFileSystemLosesNothingAndNeedsNoRestart() => HoldsAfter("full", FullDiskTrial.Run(13, TimeSpan.FromSeconds(7)));

    [NeedsCompilerFact]
    public void AFailedFlushLosesNothing() => HoldsAfter("FileFlush EIO", FaultTrial.Run(FaultyCall.FileFlush, FaultSwitch.EIO, 15, TimeSpan.FromSeconds(7)));

    /// <summary>The trial itself is tried: a program whose flushes do nothing has to be found out.</summary>
    [NeedsCompilerAndImageFact]
    public void FlushesThatLieAreFound()
    {
        for (var seed = 1; seed <= 3; seed++)
            if (PowerLossTrial.RunWithLyingFlushes(seed, TimeSpan.FromSeconds(9)).Violations.Count > 0)
                return;
        Assert.Fail("No flush did anything, the power went, and no checker fired.");
    }

    private static void HoldsAfter(string fault, TrialResult result)
    {
        Assert.True(result.Violations.Count == 0, string.Join("\n", result.Violations.Take(10)));
        Assert.True(result.Faults.GetValueOrDefault(fault) > 0, $"{fault} never came.");
        Assert.True(result.Tally.Acknowledged > 0, "Nothing was acknowledged.");
        Assert.Equal((0, 0), (result.Tally.Lost, result.Tally.Duplicates));
    }
}

/// <summary>Needs a mounted image: root, and a kernel with loop devices.</summary>
public sealed class NeedsImageFactAttribute : FactAttribute
{
    public NeedsImageFactAttribute() => Skip = PowerLossTrial.WhyNot;
}

/// <summary>Needs a C compiler, for the library that makes system calls fail.</summary>
public sealed class NeedsCompilerFactAttribute : FactAttribute
{
    public NeedsCompilerFactAttribute() => Skip = FaultTrial.WhyNot;
}

public sealed class NeedsCompilerAndImageFactAttribute : FactAttribute
{
    public NeedsCompilerAndImageFactAttribute() => Skip = FaultTrial.WhyNot ?? PowerLossTrial.WhyNot;
}
