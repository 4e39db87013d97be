using OrleansMq.Trials.Damage;

namespace OrleansMq.Trials.Tests;

/// <summary>A share of the damages; <c>damage</c> and <c>torn</c> of the trials' program try them all.</summary>
public sealed class DamageTests
{
    [Fact]
    public async Task EveryDamageIsFoundAndNoneIsServed()
    {
        var trial = await DamageTrial.Prepare();
        var result = new DamageResult();
        await trial.FlipBits(150, seed: 7, result);
        await trial.SwapBlocks(40, seed: 7, result);
        Assert.True(result.Violations.Count == 0, string.Join("\n", result.Violations.Take(5)));
        Assert.Equal(190, result.Tried);
    }

    /// <summary>The last 64 KiB at a step that is prime to a frame's alignment, so that every place within a frame comes.</summary>
    [Fact]
    public async Task ALogThatEndsAnywhereKeepsWhatWasWholeAndGoesOn()
    {
        var (tried, violations) = await TornTailTrial.Run(step: 1_021);
        Assert.True(violations.Count == 0, string.Join("\n", violations.Take(5)));
        Assert.True(tried > 150, $"{tried} tails");
    }
}
