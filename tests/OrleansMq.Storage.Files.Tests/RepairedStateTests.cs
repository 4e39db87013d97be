using System.Text;
using OrleansMq.Conformance.Broker;
using OrleansMq.Core.Log;
using OrleansMq.Records;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files.Repair;
using Xunit;
using static OrleansMq.Storage.Files.Tests.RepairGround;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>What a partition knew by frames that are lost: which messages were aborted, how many were admitted, and that groups have messages before them.</summary>
public sealed class RepairedStateTests
{
    private const string Id = "tx";
    private const int Many = 240;
    private static readonly string Filler = new('x', 300);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task MessagesWhoseAbortIsLostAreGivenToNoReaderOfWhatIsCommittedWhereverTheRepairWasCutOff(bool newestIsMissing)
    {
        var (files, producer) = await WithLostAbort(newestIsMissing);
        var completed = false;
        for (var call = 1; !completed; call++)
        {
            var disk = Placed(files, call);
            completed = IsRepaired(disk, call);
            Mended(disk);

            await using var broker = await Start(disk, snapshotBytes: 4_000);
            var again = producer.On(broker);
            await again.AddPartition("t", 0);
            await broker.Append(again.Next("t", 0, "later"));
            await broker.Transactions!.End(Id, again.Identity, commit: true, newEpoch: false);
            var committed = await Bodies(broker, Isolation.Committed);
            Assert.Contains("before", committed);
            Assert.Contains("later", committed);
            Assert.DoesNotContain("aborted", committed);
            Assert.Contains("aborted", await Bodies(broker, Isolation.Uncommitted));
        }
    }

    [Fact]
    public async Task WhatCountsAsAbortedIsNamed()
    {
        var disk = Placed((await WithLostAbort(newestIsMissing: false)).Files, 1);

        Assert.Contains(Mended(disk).Done, step => step.Lost is { } lost && lost.Contains("what stands from offset 1 on of transactions whose end may have been there", StringComparison.Ordinal) && lost.Contains("they count as aborted", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ATransactionThatIsNotCompletedWhereItIsDecidedStaysOpenAndIsCommitted()
    {
        var left = new SimDisk(1);
        ProducerOfTransactions producer;
        await using (var broker = await Start(left, snapshotBytes: 4_000))
        {
            await broker.PutTopic("t", new TopicChange { Partitions = 1 });
            producer = await ProducerOfTransactions.Open(broker, Id, TimeSpan.FromMinutes(15));
            await producer.Append("t", "held");
            await broker.Publish("t", [Message.OfText("lost")]);
        }

        var disk = Placed(WithoutSnapshots(left), 1);
        Flip(disk, "lost");
        Assert.DoesNotContain(Mended(disk).Done, step => step.Lost is { } lost && lost.Contains("count as aborted", StringComparison.Ordinal));

        await using var opened = await Start(disk, snapshotBytes: 4_000);
        Assert.DoesNotContain("held", await Bodies(opened, Isolation.Committed));
        await producer.On(opened).End(commit: true);
        Assert.Contains("held", await Bodies(opened, Isolation.Committed));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task NoMoreIsAdmittedThanTheTopicsCapLetsInThoughFramesThatUsedItAreLost(bool areTrimmed)
    {
        const int cap = Many + 20;
        var left = new SimDisk(1);
        await using (var broker = await Start(left, snapshotBytes: 4_000))
        {
            await broker.PutTopic("t", new TopicChange { Partitions = 1, Admit = cap });
            await Fill(broker, isTrimmed: areTrimmed);
        }

        var disk = Placed(WithoutSnapshots(left), 1);
        if (!areTrimmed)
            foreach (var text in new[] { "m3|", "m4|", "m5|", "m20|", "m30|" })
                Flip(disk, text);
        var report = Mended(disk);
        Assert.Contains(report.Done, step => step.Lost is { } lost && lost.Contains("admissions", StringComparison.Ordinal));

        await using var opened = await Start(disk, snapshotBytes: 4_000);
        var more = 0;
        var closed = await Assert.ThrowsAsync<MqException>(async () =>
        {
            for (; more <= cap; more++)
                await opened.Publish("t", [Message.OfText("more")]);
        });
        Assert.Equal(ErrorCodes.AdmissionClosed, closed.Code);
        Assert.True(more <= cap - Many, $"{more} more were admitted beside {Many}, of {cap}");
    }

    [Fact]
    public async Task WhereTheLedgerOfAdmissionsDoesNotReadBackTheLogIsLeftAsItIs()
    {
        var left = new SimDisk(1);
        await using (var broker = await Start(left, snapshotBytes: 4_000))
        {
            await broker.PutTopic("t", new TopicChange { Partitions = 1, Admit = 60 });
            for (var i = 0; i < 10; i++)
                await broker.Publish("t", [Message.OfText($"m{i}|{Filler}")]);
        }

        var disk = Placed(WithoutSnapshots(left), 1);
        Flip(disk, "m3|");
        FlipDocument(disk, "admission", 70);
        var segment = disk.FilesBelow("/data").First(file => file.Path.EndsWith(".seg", StringComparison.Ordinal)).Path;
        var before = disk.ContentOf(segment);

        using var repair = FolderRepair.Open("/data", "/copies", DateTimeOffset.UnixEpoch, disk);

        Assert.Contains(repair.Run(acceptLoss: true).Left, step => step.What.Contains("topic's cap", StringComparison.Ordinal) && step.What.Contains("restore that from a copy first", StringComparison.Ordinal));
        Assert.Equal(before, disk.ContentOf(segment));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task GroupsOfALogOfWhichOnlyItsMessagesAreLeftAreGivenAllOfThem(bool wasThereBefore)
    {
        var left = new SimDisk(1);
        await using (var broker = await Start(left, snapshotBytes: 4_000))
        {
            await broker.PutTopic("t", new TopicChange { Partitions = 1 });
            if (wasThereBefore)
                await broker.PutGroup("t", "g", new GroupChange { From = StartAt.Latest });
            await Fill(broker, isTrimmed: true);
        }

        var disk = Placed(WithoutSnapshots(left), 1);
        Assert.DoesNotContain(disk.FilesBelow("/data"), file => file.Path.EndsWith($"/0/{0:D20}.seg", StringComparison.Ordinal));
        Mended(disk);

        await using var opened = await Start(disk, snapshotBytes: 4_000);
        if (!wasThereBefore)
            await opened.PutGroup("t", "g", new GroupChange { From = StartAt.Earliest });
        var kept = (await Bodies(opened, Isolation.Uncommitted)).Count;
        Assert.InRange(kept, 10, Many - 1);
        Assert.Equal(kept, (await opened.DescribeGroup("t", "g")).Partitions.Single().Lag);
        var given = new List<string>();
        while (given.Count < kept && await opened.Receive("t", "g", new ReceiveRequest { Max = 50, Consumer = "c" }) is { Count: > 0 } some)
            given.AddRange(some.Select(each => Encoding.UTF8.GetString(each.Body.Span)));
        Assert.Equal(await Bodies(opened, Isolation.Uncommitted), given);
    }

    /// <summary>Found by the trial of repairs, where the header of the frame that moved them read back: only the redriven messages were named.</summary>
    [Theory]
    [InlineData(false, "which are dead letters again")]
    [InlineData(true, "which the group is given again")]
    public async Task MessagesWhoseMoveIsLostAreWhereTheyWereAndThatIsNamed(bool toDeadLetters, string named)
    {
        const int letters = 2;
        var left = new SimDisk(1);
        await using (var broker = await Start(left))
        {
            await broker.PutTopic("t", new TopicChange { Partitions = 1 });
            await broker.PutGroup("t", "g", new GroupChange());
            for (var i = 0; i < letters; i++)
                await broker.Publish("t", [Message.OfText($"m{i}|{Filler}")]);
            var given = await broker.Receive("t", "g", new ReceiveRequest { Max = letters, Consumer = "c" });
            await broker.Settle("t", "g", new Settlement { Kind = SettlementKind.DeadLetter, Leases = [.. given.Select(each => each.Lease)], Reason = "no" });
            if (!toDeadLetters)
                await broker.Redrive("t", "g", DeadLetterSelection.All);
        }

        var files = WithoutSnapshots(left);
        FlipFrames(files.Single(file => file.Path == SegmentsOf(left)[^1]).Bytes, toDeadLetters ? Lane.IsDeadLetters : Lane.IsRedriven);
        var disk = Placed(files, 1);

        var lost = Assert.Single(Mended(disk).Done, step => step.Lost is not null).Lost!;

        Assert.Contains($"{(toDeadLetters ? "dead letters" : "redriven messages")} of group 'g' from 0 on, {named}", lost, StringComparison.Ordinal);
        await using var opened = await Start(disk);
        var partition = (await opened.DescribeGroup("t", "g")).Partitions.Single();
        Assert.Equal(toDeadLetters ? (0L, letters) : (letters, 0L), (partition.DeadLetters, partition.Lag));
    }

    private static async Task Fill(EmbeddedBroker broker, bool isTrimmed)
    {
        for (var i = 0; i < Many; i++)
        {
            Assert.Null((await broker.Publish("t", [Message.OfText($"m{i}|{Filler}")]))[0].Error);
            if (isTrimmed && i % 20 == 19)
                await broker.DeleteBefore("t", 0, i - 10);
        }
    }

    /// <summary>One message, one of a transaction, its abort, which is lost, and another message.</summary>
    private static async Task<(List<(string Path, byte[] Bytes)> Files, ProducerOfTransactions Producer)> WithLostAbort(bool newestIsMissing)
    {
        var left = new SimDisk(1);
        ProducerOfTransactions producer;
        await using (var broker = await Start(left, snapshotBytes: 4_000))
        {
            await broker.PutTopic("t", new TopicChange { Partitions = 1 });
            await broker.Publish("t", [Message.OfText("before")]);
            producer = await ProducerOfTransactions.Open(broker, Id, TimeSpan.FromMinutes(15));
            await producer.Append("t", "aborted");
            for (var i = 0; newestIsMissing && SegmentsOf(left).Count < 2; i++)
                await broker.Publish("t", [Message.OfText(Filler)]);
            await broker.Transactions!.End(Id, producer.Identity, commit: false, newEpoch: false);
            await broker.Publish("t", [Message.OfText("behind")]);
        }

        var files = WithoutSnapshots(left);
        var newest = SegmentsOf(left)[^1];
        if (newestIsMissing)
            files.RemoveAll(file => file.Path == newest);
        else
        {
            var bytes = files.Single(file => file.Path == newest).Bytes;
            for (var at = 64; FrameHeader.TryRead(bytes.AsSpan(at), out var frame); at += frame.TotalLength)
                if (frame.Kind == FrameKind.Batch && RecordBatch.ReadExactly(bytes.AsMemory(at + FrameHeader.Size, frame.PayloadLength)).IsControl)
                    bytes[at + FrameHeader.Size + 70] ^= 1;
        }

        return (files, producer);
    }

    private static void FlipFrames(byte[] segment, Func<int, bool> isOf)
    {
        for (var at = 64; FrameHeader.TryRead(segment.AsSpan(at), out var frame); at += frame.TotalLength)
            if (frame.Kind == FrameKind.Batch && isOf(frame.Lane))
                segment[at + FrameHeader.Size + 70] ^= 1;
    }

    private static List<string> SegmentsOf(SimDisk disk) => [.. disk.FilesBelow("/data").Select(file => file.Path).Where(path => path.EndsWith(".seg", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private static List<(string Path, byte[] Bytes)> WithoutSnapshots(SimDisk disk) =>
        [.. disk.FilesBelow("/data").Where(file => !file.Path.Contains("snapshot", StringComparison.Ordinal)).Select(file => (file.Path, (byte[])disk.ContentOf(file.Path).Clone()))];

    private static void Flip(SimDisk disk, string text)
    {
        var segment = SegmentsOf(disk).First(path => disk.ContentOf(path).AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0);
        disk.FlipBit(segment, disk.ContentOf(segment).AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)), 0);
    }

    private static async Task<List<string>> Bodies(EmbeddedBroker broker, Isolation isolation)
    {
        var bodies = new List<string>();
        for (var next = await broker.FindOffset("t", 0, StartAt.Earliest); ;)
        {
            using var result = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor("t", 0, next)], MinBytes = 0, Isolation = isolation });
            Assert.Null(result.Partitions[0].Error);
            var (before, aborted, open) = (next, isolation == Isolation.Committed ? result.Partitions[0].Aborted : [], new HashSet<long>());
            foreach (var batch in new RecordBatchReader(result.Partitions[0].Batches))
            {
                // As Kafka's clients do: from the first offset of an aborted transaction up to its marker.
                open.UnionWith(aborted.Where(each => each.FirstOffset == batch.BaseOffset).Select(each => each.ProducerId));
                foreach (var record in batch.Records())
                {
                    if (record.Offset < next)
                        continue;
                    next = record.Offset + 1;
                    if (!batch.IsControl && !(batch.IsTransactional && open.Contains(batch.ProducerId)))
                        bodies.Add(Encoding.UTF8.GetString(record.Value.Span));
                }

                if (batch.IsControl)
                    open.Remove(batch.ProducerId);
            }

            if (next == before)
                return bodies;
        }
    }
}
