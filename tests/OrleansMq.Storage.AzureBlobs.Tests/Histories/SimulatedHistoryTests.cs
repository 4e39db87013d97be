using System.Globalization;
using OrleansMq.Conformance;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Storage.AzureBlobs.Tests.Histories;

/// <summary>
/// Several processes open the same log again and again, at the same time, over a service that loses, delays and repeats: every order of opening, appending and rolling that
/// the seed brings about. Nobody steps back of his own accord: all of them are zombies most of the time.
/// </summary>
public sealed class SimulatedHistoryTests
{
    private static readonly LogId Log = new(Guid.Parse("11111111-2222-3333-4444-555555555555"), 0);

    /// <summary>Five, or as many as ORLEANSMQ_HISTORIES says.</summary>
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, int.TryParse(Environment.GetEnvironmentVariable("ORLEANSMQ_HISTORIES"), CultureInfo.InvariantCulture, out var count) ? count : 5)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void WhatIsAcknowledgedIsThereOnceAndInPlaceWhoeverOpensMeanwhile(int seed)
    {
        var (history, wrong) = Run(seed, _ => { });

        Assert.Empty(wrong);
        Assert.True(history.AcknowledgedRecords > 20, $"Only {history.AcknowledgedRecords} records were acknowledged.");
        Assert.True(history.Openings > 5, $"Only {history.Openings} openings.");
    }

    [Fact]
    public void TheCheckFiresWhereAppendsAreNotFenced() =>
        Assert.Contains(Enumerable.Range(1, 24), seed => Run(seed, blobs => blobs.IgnoresETagOfAppends = true).Wrong.Exists(what => what.Contains("did not see it", StringComparison.Ordinal)));

    [Fact]
    public void TheCheckFiresWhereALateAppendIsDoneTwice() =>
        Assert.Contains(Enumerable.Range(1, 24), seed => Run(seed, blobs => blobs.IgnoresETagOfAppends = blobs.IgnoresOffsetOfAppends = true).Wrong.Exists(what => what.Contains("and at", StringComparison.Ordinal)));

    private static (LogHistory History, List<string> Wrong) Run(int seed, Action<SimBlobs> plant)
    {
        var history = new LogHistory();
        List<string> wrong = [];
        StoryThread.Run(async () =>
        {
            var time = new ManualTime();
            var random = new Random(seed);
            var blobs = new SimBlobs(time, random);
            plant(blobs);
            await time.Until(Create(Options(time, random), blobs));
            blobs.Faults = 0.25;
            await time.Until(Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Work(history, blobs, Options(time, random), random))));
            blobs.Faults = 0;
            wrong = await time.Until(Check(history, blobs, Options(time, random)));
        });
        return (history, wrong);
    }

    private static BlobStorageOptions Options(TimeProvider time, Random random) => new()
    {
        ConnectionString = "UseDevelopmentStorage=true",
        Time = time,
        Jitter = random.NextDouble,
        DrawMark = () =>
        {
            var bytes = new byte[16];
            random.NextBytes(bytes);
            return new Guid(bytes);
        },
        DrawIncarnation = () => 7,
        AppendBytes = 4096,
        BlobBlocks = 4,
        AttemptTimeout = TimeSpan.FromSeconds(1),
        RetryFor = TimeSpan.FromSeconds(10),
        ReadAheadBytes = 4096,
        CacheBytes = 16 << 10,
    };

    private static async Task Create(BlobStorageOptions options, SimBlobs blobs)
    {
        await using var storage = await BlobStorage.Start(options, blobs);
        await storage.CreateLog(Log, new LogDefinition("topic", default));
    }

    private static async Task<List<string>> Check(LogHistory history, SimBlobs blobs, BlobStorageOptions options)
    {
        // What is still under way from before arrives first, or never does anything.
        await Task.Delay(blobs.Latest, options.Time);
        await using var storage = await BlobStorage.Start(options, blobs);
        await using var log = await storage.OpenLog(Log);
        await history.Opened(log);
        return await history.Check(log);
    }

    /// <summary>One process: opens, writes until it is told to stop, and opens again.</summary>
    private static async Task Work(LogHistory history, SimBlobs blobs, BlobStorageOptions options, Random random)
    {
        for (var turn = 0; turn < 4; turn++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(500)), options.Time);
            try
            {
                await using var storage = await BlobStorage.Start(options, blobs);
                await using var log = await storage.OpenLog(Log);
                await history.Opened(log);
                await Write(history, log, random);
            }
            catch (StorageException)
            {
                // Fenced, or the outcome stayed unknown: that is what the history is about.
            }
        }
    }

    /// <summary>Some full segments become one with the same bytes: whoever puts them in place wrongly loses records.</summary>
    private static async Task WriteAgain(IPartitionLog log, IReadOnlyList<long> segments, int first, Random random)
    {
        var (from, to) = (segments[first], segments[random.Next(first + 1, segments.Count)]);
        var bytes = new byte[to - from];
        try
        {
            await using var rewriting = await log.Rewrite(from);
            for (var count = 0; count < bytes.Length;)
                count += await log.Read(from + count, bytes.AsMemory(count));
            await rewriting.Write(bytes);
            await rewriting.Seal(to);
            await rewriting.Place();
        }
        catch (LogFullException)
        {
            // The service gave no answer for long: everything is as it was.
        }
    }

    private static async Task Write(LogHistory history, IPartitionLog log, Random random)
    {
        for (var n = 0; n < 25; n++)
        {
            var length = random.Next(8) == 0 ? 9_000 : random.Next(LogHistory.HeaderSize, 300);
            var record = history.NextRecord(length, out var number);
            var position = log.End;
            if (random.Next(10) == 0)
                log.Roll();
            await log.Append(record, random.Next(4) > 0);
            await log.Flush();
            history.Acknowledge(number, position, length, log.Epoch);
            if (random.Next(10) == 0)
                await log.SaveSnapshot(log.End, record);
            if (random.Next(40) == 0)
                await log.TrimBefore(log.End);
            if (random.Next(8) == 0 && log.Segments is { Count: > 1 } segments)
                await WriteAgain(log, segments, random.Next(segments.Count - 1), random);
        }
    }
}
