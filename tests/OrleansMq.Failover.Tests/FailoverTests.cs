using Xunit;
using Xunit.Abstractions;

namespace OrleansMq.Failover.Tests;

/// <summary>The short run; the long ones are commands (docs/operations.md).</summary>
public sealed class FailoverTests(ITestOutputHelper output)
{
    [Fact]
    public async Task ThreeSilosOnASharedFolderLoseNothingToAKillAStopAndATermination()
    {
        var report = await FailoverRun.Run(
            new FailoverOptions
            {
                Length = TimeSpan.FromSeconds(45),
                KillEvery = TimeSpan.FromSeconds(11),
                StopEvery = 2,
                StopFor = TimeSpan.FromSeconds(8),
                TermEvery = 3,
                // CI's machine does other things at the same time; the ten seconds are the command's to show.
                BackWithin = TimeSpan.FromSeconds(60),
            },
            output.WriteLine);

        Assert.Empty(report.Broken);
        Assert.True(report.Back.Count >= 3, $"{report.Back.Count} misfortunes");
        Assert.True(report.Acknowledged > 100, $"{report.Acknowledged} acknowledged");
    }
}
