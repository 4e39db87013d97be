using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Conformance.Storage;

/// <summary>The segments that a log is of: how they begin, are trimmed away and rewritten.</summary>
public abstract partial class LogContract
{
    [Fact]
    public async Task RollBeginsASegmentAtTheNextAppend()
    {
        await using var log = await CreateAndOpen();
        log.Roll();
        await log.Append(Bytes(1, 80), false);
        Assert.Equal([0L], log.Segments);

        log.Roll();
        log.Roll();
        Assert.Equal([0L], log.Segments);
        await log.Append(Bytes(2, 80), false);
        await log.Append(Bytes(3, 80), false);

        Assert.Equal([0L, 80L], log.Segments);
        Assert.Equal(Join(Bytes(1, 80), Bytes(2, 80), Bytes(3, 80)), await ReadAll(log, 0));
    }

    [Fact]
    public async Task SegmentsSurviveReopening()
    {
        await using (var log = await CreateAndOpen())
            await AppendSegments(log, 5);

        await Reopen();
        await using var again = await Storage.OpenLog(_id);

        Assert.Equal([0L, 80L, 160L, 240L, 320L], again.Segments);
        Assert.Equal(Enumerable.Range(1, 5).SelectMany(n => Bytes(n, 80)), await ReadAll(again, 0));
    }

    [Fact]
    public async Task BigAppendStaysInOneSegment()
    {
        await using var log = await CreateAndOpen();
        await log.Append(Bytes(1, 80), false);
        var big = Bytes(2, 9 << 20);

        await log.Append(big, true);
        await log.Append(Bytes(3, 80), true);

        Assert.Equal(big, (await ReadAll(log, 80)).Take(big.Length));
        Assert.DoesNotContain(log.Segments, first => first > 80 && first < 80 + big.Length);
        Assert.Equal(Bytes(3, 80), await ReadAll(log, 80 + big.Length));
    }

    [Fact]
    public async Task TrimRemovesWholeSegmentsBelowThePosition()
    {
        await using (var log = await CreateAndOpen())
        {
            await AppendSegments(log, 4);

            await log.TrimBefore(79);
            Assert.Equal(0, log.Start);
            await log.TrimBefore(175);
            Assert.Equal(160, log.Start);
            await Assert.ThrowsAsync<LogTrimmedException>(async () => await log.Read(159, new byte[8]));
            Assert.Equal(Bytes(3, 80), (await ReadAll(log, 160)).Take(80));
        }

        await Reopen();
        await using var again = await Storage.OpenLog(_id);

        Assert.Equal([160L, 240L], again.Segments);
        Assert.Equal(Join(Bytes(3, 80), Bytes(4, 80)), await ReadAll(again, 160));
    }

    [Fact]
    public async Task TrimNeverRemovesTheSegmentBeingWritten()
    {
        await using var log = await CreateAndOpen();
        await AppendSegments(log, 3);

        await log.TrimBefore(long.MaxValue);

        Assert.Equal([160L], log.Segments);
        await log.Append(Bytes(4, 80), true);
        Assert.Equal(Join(Bytes(3, 80), Bytes(4, 80)), await ReadAll(log, 160));
    }

    [Fact]
    public async Task ReadsBesideTrimmingGiveTheBytesOrSayTrimmed()
    {
        await using var log = await CreateAndOpen();
        const int segments = 40;
        await AppendSegments(log, segments);
        var readers = Enumerable.Range(0, 4).Select(reader => Task.Run(async () =>
        {
            var destination = new byte[80];
            for (var n = 0; n < 400; n++)
            {
                var segment = (n * 7 + reader) % segments;
                try
                {
                    var count = await log.Read(segment * 80L, destination);
                    Assert.Equal(Bytes(segment + 1, 80).Take(count), destination.Take(count));
                    Assert.NotEqual(0, count);
                }
                catch (LogTrimmedException)
                {
                }
            }
        })).ToArray();

        for (var position = 80; position < segments * 80; position += 80)
            await log.TrimBefore(position);

        await Task.WhenAll(readers);
        Assert.Equal((segments - 1) * 80, log.Start);
    }

    [Fact]
    public async Task RewrittenSegmentsBecomeOneAndTheRestReadsAsZeros()
    {
        if (!Storage.CanRewrite)
            return;
        await using (var log = await CreateAndOpen())
        {
            for (byte n = 1; n <= 4; n++)
            {
                await log.Append(Bytes(n, 160), true);
                log.Roll();
            }

            await using (var abandoned = await log.Rewrite(0))
                await abandoned.Write(Bytes(8, 80));
            await using (var rewriting = await log.Rewrite(160))
            {
                await rewriting.Write(Bytes(9, 80));
                await rewriting.Seal(480);
                Assert.Equal(Bytes(2, 160), (await ReadAll(log, 160))[..160]);
                await rewriting.Place();
            }

            Assert.Equal([0L, 160L, 480L], log.Segments);
            Assert.Equal((640L, 400L), (log.End, log.StoredBytes));
            await Assert.ThrowsAsync<LogTrimmedException>(async () => await log.Rewrite(480));
            await Assert.ThrowsAsync<LogTrimmedException>(async () => await log.Rewrite(320));
        }

        await using var again = await Storage.OpenLog(_id);
        Assert.Equal(Join(Bytes(1, 160), Bytes(9, 80), new byte[240], Bytes(4, 160)), await ReadAll(again, 0));
        Assert.Equal(new byte[40], (await ReadAll(again, 440))[..40]);
        await again.TrimBefore(480);
        Assert.Equal((480L, 160L), (again.Start, again.StoredBytes));
    }

    [Fact]
    public async Task ReadsBesideRewritingGiveTheOldOrTheNew()
    {
        if (!Storage.CanRewrite)
            return;
        await using var log = await CreateAndOpen();
        await log.Append(Bytes(1, 4000), true);
        log.Roll();
        await log.Append(Bytes(2, 8), true);
        var reading = Task.Run(async () =>
        {
            var buffer = new byte[100];
            for (var n = 0; n < 2000; n++)
            {
                var count = await log.Read(0, buffer);
                Assert.True(buffer.AsSpan(0, count).SequenceEqual(Bytes(1, 4000).AsSpan(0, count)) || !buffer.AsSpan(1, count - 1).ContainsAnyExcept(buffer[0]));
            }
        });

        for (byte n = 3; n < 60; n++)
        {
            await using var rewriting = await log.Rewrite(0);
            await rewriting.Write(Enumerable.Repeat(n, 400).ToArray());
            await rewriting.Seal(4000);
            await rewriting.Place();
        }

        await reading;
    }

    private static async Task AppendSegments(IPartitionLog log, int count)
    {
        for (var n = 1; n <= count; n++)
        {
            log.Roll();
            await log.Append(Bytes(n, 80), n == count);
        }
    }
}
