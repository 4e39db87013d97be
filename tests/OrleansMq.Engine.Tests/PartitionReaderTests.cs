using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Engine.Tests;

/// <summary>Whatever is asked, and wherever batches, chunks and segments end, what was written is what is read.</summary>
public sealed class PartitionReaderTests
{
    public static TheoryData<int, long> Shapes => new()
    {
        { 1, 4 << 20 },
        { 2, 4 << 20 },
        { 3, 4 << 20 },
        { 4, 64 << 10 },
        { 5, 100_000 },
        { 6, 4_096 },
    };

    /// <summary>A batch's end was once read after its bytes had been moved over: messages that were there were not found.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task EveryRecordThatIsAskedForIsFound(int seed, long segmentBytes)
    {
        await using var log = await Filled(seed, segmentBytes);
        await CheckRecords(log, new Random(seed), 200);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task EveryRecordIsFoundInALogThatWasOpenedAgain(int seed, long segmentBytes)
    {
        await using var log = await Filled(seed, segmentBytes);
        await log.Open();
        await CheckRecords(log, new Random(seed), 60);
        await log.Append(20);
        await CheckRecords(log, new Random(seed), 60);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task RecordsAreFoundWhileOthersAreAppended(int seed, long segmentBytes)
    {
        await using var log = await Filled(seed, segmentBytes);
        var appending = Task.Run(async () =>
        {
            for (var i = 0; i < 60; i++)
                await log.Append(5);
        });
        var reading = Enumerable.Range(0, 2).Select(reader => Task.Run(async () =>
        {
            var random = new Random(seed * 10 + reader);
            do
                await CheckRecords(log, random, 5);
            while (!appending.IsCompleted);
        }));

        await Task.WhenAll([appending, .. reading]);
        await CheckRecords(log, new Random(seed), 50);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task ReadingOnFromWhereAReadEndedGivesEveryRecordOnce(int seed, long segmentBytes)
    {
        await using var log = await Filled(seed, segmentBytes);
        var random = new Random(seed);
        foreach (var most in (int[])[1, 3_000, 64 << 10, 1 << 20])
        {
            var wanted = 0L;
            for (var next = 0L; next < log.End;)
            {
                using var read = await log.Reader.ReadBatches(next, log.End, log.EndPosition, random.Next(1, most + 1));
                foreach (var batch in new RecordBatchReader(read.Batches))
                {
                    Assert.Equal(wanted, batch.BaseOffset);
                    foreach (var record in batch.Records())
                        Same(log, wanted++, record);
                }

                Assert.Equal(wanted, read.NextOffset);
                next = read.NextOffset;
            }

            Assert.Equal(log.End, wanted);
        }
    }

    [Fact]
    public async Task AReadHoldsNoMoreThanItMayUnlessTheFirstBatchDoes()
    {
        await using var log = await Filled(1, 4 << 20);
        for (var offset = 0L; offset < log.End; offset += 17)
        {
            using var read = await log.Reader.ReadBatches(offset, log.End, log.EndPosition, 20_000);
            var batches = 0;
            foreach (var batch in new RecordBatchReader(read.Batches))
                Assert.True(batches++ > 0 || (batch.BaseOffset <= offset && batch.LastOffset >= offset));
            Assert.True(read.Batches.Length <= 20_000 || batches == 1);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task ATimeLeadsToTheFirstBatchAppendedThenOrLater(int seed, long segmentBytes)
    {
        await using var log = await Filled(seed, segmentBytes);
        await CheckTimes(log);
        await log.Open();
        await CheckTimes(log);
        await log.Append(20);
        await CheckTimes(log);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task APositionLeadsToTheFirstBatchThereOrBehind(int seed, long segmentBytes)
    {
        await using var log = await Filled(seed, segmentBytes);
        for (var round = 0; round < 2; round++, await log.Open())
            for (var position = 0L; position < log.EndPosition; position += 3_333)
            {
                var wanted = log.Batches.Where(batch => batch.Position >= position).Select(batch => batch.Offset).FirstOrDefault(log.End);
                Assert.Equal(wanted, await log.Reader.FirstOffsetFrom(position, log.End, log.EndPosition));
            }
    }

    /// <summary>Never behind the batch, where it would be missed, and not so far before it that reading is a search.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task TheIndexLeadsToTheBatchOrALittleBeforeIt(int seed, long segmentBytes)
    {
        await using var log = await Filled(seed, segmentBytes);
        for (var round = 0; round < 2; round++, await log.Open())
            for (var offset = 0L; offset < log.End; offset += 7)
            {
                var holding = log.Batches.Last(batch => batch.Offset <= offset).Position;
                Assert.InRange(await log.Index.FindOffset(offset), holding - 400_000, holding);
            }
    }

    private static async Task<WrittenLog> Filled(int seed, long segmentBytes)
    {
        var log = await WrittenLog.Make(seed, segmentBytes);
        for (var write = 0; write < 40; write++)
            await log.Append(1 + write % 7);
        if (segmentBytes < 1 << 20)
            Assert.True(log.Segments > 3, "Several segments are what this is about.");
        return log;
    }

    private static async Task CheckRecords(WrittenLog log, Random random, int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            var (end, position) = (log.End, log.EndPosition);
            var offsets = Offsets(random, end);
            var records = await log.Reader.ReadRecords(offsets, end, Math.Max(position, log.EndPosition), (in RecordBatch _) => false, voids: []);
            Assert.Equal(offsets.Count, records.Length);
            for (var i = 0; i < records.Length; i++)
            {
                Assert.True(records[i] is not null, $"Offset {offsets[i]} of {end} was not found; asked were {string.Join(' ', offsets)}.");
                Same(log, offsets[i], records[i]!.Value.Record);
            }
        }
    }

    /// <summary>Ascending: runs, single ones, near and far.</summary>
    private static List<long> Offsets(Random random, long end)
    {
        var offsets = new List<long>();
        var step = random.Next(1, 4) switch { 1 => 2, 2 => 40, _ => (int)Math.Max(2, end / 5) };
        for (var at = random.NextInt64(end); at < end && offsets.Count < 150; at += random.Next(1, step))
            offsets.Add(at);
        return offsets;
    }

    private static async Task CheckTimes(WrittenLog log)
    {
        var last = log.Batches[^1].AtMs;
        for (var time = log.Batches[0].AtMs - 2; time <= last + 2; time += 3)
        {
            var wanted = log.Batches.Where(batch => batch.AtMs >= time).Select(batch => batch.Offset).FirstOrDefault(log.End);
            Assert.Equal(wanted, await log.Reader.FindTime(time, 0, log.End, log.EndPosition));
        }
    }

    private static void Same(WrittenLog log, long offset, in RecordView record)
    {
        Assert.Equal(offset, record.Offset);
        Assert.True(record.Value.Span.SequenceEqual(log.Body(offset)), $"Offset {offset} has other bytes than were written.");
    }
}
