using OrleansMq.Core.Log;
using OrleansMq.Simulation.Disk;
using Xunit;
using static OrleansMq.Storage.Files.Tests.RepairGround;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>
/// A log's end and its newest snapshot are damaged together, and no frame is left that says how far the log was durable. The snapshot's name does. Found by the trial of damages: two blocks
/// of the two files were swapped, the end was cut as a torn tail, and messages that had been deleted were there again.
/// </summary>
public sealed class LostTailTests
{
    private const int Messages = 30;
    private const int Deleted = 5;

    private readonly SimDisk _disk = new(1);

    [Fact]
    public async Task AnEndBelowASnapshotIsNoTornTailThoughTheSnapshotDoesNotReadBack()
    {
        await Prepare();
        var before = Bytes(_disk);

        Assert.Contains("durable", await Refusal(), StringComparison.Ordinal);
        Assert.Contains("durable bytes are missing", Assert.Single(ProblemsOf(_disk)), StringComparison.Ordinal);
        Assert.Contains(Run(_disk, acceptLoss: false).Left, step => step.Lost is { } lost && lost.Contains("deletions", StringComparison.Ordinal));
        Assert.Equal(before.Where(IsOfLog).Select(file => file.Path), Bytes(_disk).Where(IsOfLog).Select(file => file.Path));
        Assert.Contains("durable", await Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatIsLostWithItIsNamedWhereThatIsAcceptedAndNoOffsetIsGivenAgain()
    {
        await Prepare();

        Assert.Contains(Mended(_disk).Done, step => step.Lost is { } lost && lost.Contains("deletions", StringComparison.Ordinal));
        Assert.Empty(ProblemsOf(_disk));
        Assert.Empty(Mended(_disk).Done);

        await using (var broker = await Start(_disk))
            Assert.True((await broker.Publish("t", [Message.OfText("new")]))[0].OrThrow().Offset >= Messages);
        Assert.Equal(Enumerable.Range(0, Messages).Select(offset => (long)offset), (await ReadAll(_disk)).Take(Messages));
    }

    [Fact]
    public async Task ATailBehindTheNewestSnapshotIsCutAlsoWhereThatDoesNotReadBack()
    {
        await Prepare(behindTheSnapshot: true);

        Assert.Empty(ProblemsOf(_disk));
        Assert.Equal(Enumerable.Range(Deleted, Messages - Deleted).Select(offset => (long)offset), await ReadAll(_disk));
    }

    /// <summary>A header in the torn end proves that the frame before it was durable: no torn tail, and yet there was more. Found by the trial of repairs: only what is left of it was named.</summary>
    [Fact]
    public async Task OfADamagedEndBehindWhichTheFileIsCutShortAllIsNamedThatMayHaveStoodThere()
    {
        await Fill();
        var segment = Newest();
        var bytes = _disk.ContentOf(segment);
        var frames = MessagesIn(bytes);
        bytes[frames[^2].At + FrameHeader.Size + 100] ^= 1;
        _disk.Place(segment, bytes[..(frames[^1].At + FrameHeader.Size + 40)]);
        foreach (var snapshot in _disk.FilesBelow("/data").Select(file => file.Path).Where(IsSnapshot).ToList())
            _disk.Remove(snapshot);
        Assert.NotEmpty(ProblemsOf(_disk));

        var lost = Assert.Single(Mended(_disk).Done, step => step.Lost is not null).Lost!;

        Assert.Contains($"behind position {frames[^2].Header.Position},", lost, StringComparison.Ordinal);
        await using var broker = await Start(_disk);
        Assert.True((await broker.Publish("t", [Message.OfText("new")]))[0].OrThrow().Offset > 1_000_000);
    }

    private async Task Prepare(bool behindTheSnapshot = false)
    {
        await Fill();
        var segment = Newest();
        var bytes = _disk.ContentOf(segment);
        var (at, last) = MessagesIn(bytes)[^1];
        Assert.True(at + last.TotalLength < bytes.Length);
        if (behindTheSnapshot)
            bytes = [.. bytes, .. new byte[200]];
        else
            bytes.AsSpan(at + last.TotalLength).Clear();
        _disk.Place(segment, bytes);
        _disk.FlipBit(_disk.FilesBelow("/data").Select(file => file.Path).Where(IsSnapshot).Max()!, 100, 3);
    }

    private async Task Fill()
    {
        await using (var broker = await Start(_disk, snapshotBytes: 4_000))
        {
            await broker.PutTopic("t", new TopicChange { Partitions = 1 });
            for (var i = 0; i < Messages; i++)
                (await broker.Publish("t", [Message.OfText($"m{i}|{new string('x', 300)}")]))[0].OrThrow();
            await broker.DeleteBefore("t", 0, Deleted);
        }
    }

    private string Newest() => _disk.FilesBelow("/data").Select(file => file.Path).Where(path => path.EndsWith(".seg", StringComparison.Ordinal)).Max()!;

    private static bool IsSnapshot(string path) => path.Contains("/snapshot-", StringComparison.Ordinal);

    private static List<(int At, FrameHeader Header)> MessagesIn(byte[] segment)
    {
        var messages = new List<(int, FrameHeader)>();
        for (var at = 64; FrameHeader.TryRead(segment.AsSpan(at), out var frame); at += frame.TotalLength)
            if (frame.Kind == FrameKind.Batch)
                messages.Add((at, frame));
        return messages;
    }

    private async Task<string> Refusal()
    {
        await using var broker = await Start(_disk);
        return (await Assert.ThrowsAsync<MqException>(async () => await broker.FindOffset("t", 0, StartAt.Earliest))).Message;
    }

    private static bool IsOfLog((string Path, byte[] Bytes) file) => file.Path.Contains("/logs/", StringComparison.Ordinal);
}
