using OrleansMq.Storage.Files.Disk;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>The power goes, calls fail, the disk is full: what was acknowledged is there, and nothing else pretends to be.</summary>
public class CrashTests
{
    private const int Seeds = 400;

    private protected virtual StorageStory StoryOf(int seed) => new(seed);

    [Fact]
    public async Task WhatWasAcknowledgedSurvivesPowerLossAtAnyCall()
    {
        var rewritings = 0;
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var story = StoryOf(seed);
            await Told($"seed {seed}", () => LivesWithPowerLoss(story, seed));
            rewritings += story.Rewritings;
        }
        Assert.True(rewritings > Seeds, $"only {rewritings} times were segments rewritten");
    }

    [Theory]
    [InlineData(DiskError.Failed)]
    [InlineData(DiskError.Full)]
    [InlineData(DiskError.Exhausted)]
    public async Task AnyCallMayFailOnceAndNothingAcknowledgedIsLost(DiskError error)
    {
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var story = StoryOf(seed);
            var at = new Random(seed).Next(1, 500);
            await Told($"seed {seed}, {error} at call {at}", async () =>
            {
                story.Disk.Fault = call => call.Number == at ? error : null;
                await story.Live(60);
                await story.Live(10);
                await story.Live(0);
            });
        }
    }

    [Fact]
    public async Task EachCallOfOneStoryMayFail()
    {
        for (var at = 1; at <= 400; at++)
        {
            foreach (var error in new[] { DiskError.Failed, DiskError.Full })
            {
                var story = StoryOf(1);
                await Told($"{error} at call {at}", async () =>
                {
                    story.Disk.Fault = call => call.Number == at ? error : null;
                    await story.Live(40);
                    await story.Live(5);
                });
            }
        }
    }

    [Fact]
    public async Task FullDiskRefusesAndRecoversWithoutARestart()
    {
        var refusals = 0;
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var story = StoryOf(seed);
            await Told($"seed {seed}", async () =>
            {
                await story.Live(10);
                await story.Start();
                story.Disk.Capacity = story.Disk.UsedBytes + 30_000;
                await story.Live(60);
                Assert.Equal(0, story.Failures);
                refusals += story.Refusals;
                story.Disk.Capacity = long.MaxValue;
                await story.Live(20);
            });
        }
        Assert.True(refusals > Seeds, "the disk was never full");
    }

    [Fact]
    public Task CheckerFiresOnFlushesThatLie() => DemandFound(story => story.Disk.FlushLies = true);

    [Fact]
    public Task CheckerFiresOnDirectoryFlushesThatLie() => DemandFound(story => story.Disk.DirectoryFlushLies = true);

    private static async Task LivesWithPowerLoss(StorageStory story, int seed)
    {
        var random = new Random(seed);
        for (var life = 0; life < 4; life++)
        {
            story.Disk.PowerLossAt = story.Disk.Calls + random.Next(1, 400);
            await story.Live(random.Next(60));
        }
        await story.Live(0);
    }

    private async Task DemandFound(Action<StorageStory> plant)
    {
        var found = 0;
        for (var seed = 1; seed <= 40; seed++)
        {
            var story = StoryOf(seed);
            plant(story);
            try
            {
                await LivesWithPowerLoss(story, seed);
            }
            catch (Exception e) when (e is PromiseBrokenException or Engine.Storage.StorageException)
            {
                found++;
            }
        }
        Assert.True(found > 10, $"a planted fault was found in {found} of 40 stories only");
    }

    private static async Task Told(string place, Func<Task> story)
    {
        try
        {
            await story();
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{place}: {e.Message}", e);
        }
    }
}

/// <summary>The same with a journal, so small that it is written over and over, and with shares of every size.</summary>
public sealed class JournaledCrashTests : CrashTests
{
    private protected override StorageStory StoryOf(int seed) => new(seed, options => options with
    {
        Journal = true,
        JournalBytes = 16 << 10,
        JournalShareBytes = seed % 3 == 0 ? 1 << 10 : 8 << 10,
        JournalWhenAlone = seed % 4 != 0,
    });
}
