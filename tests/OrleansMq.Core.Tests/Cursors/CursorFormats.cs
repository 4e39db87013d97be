using OrleansMq.Core.Cursors;
using OrleansMq.Core.Snapshots;
using Xunit;

namespace OrleansMq.Core.Tests.Cursors;

/// <summary>Saved forms never change; a new one gets a new version.</summary>
public sealed class CursorFormats
{
    private static QueueCursor Sample()
    {
        var cursor = new QueueCursor(5, new Redelivery(3, 100));
        cursor.ApplyDropped(6);
        cursor.ApplyGranted(new GrantRange(6, 4, 1), 1000, 2, "ab");
        cursor.ApplySettled(8, 1);
        cursor.ApplyReturned(7, 700);
        cursor.ApplySettled(1024, 2048);
        return cursor;
    }

    private const string Golden = """
        01 0600000000000000 0100000000000000
        02000000
          01 0000000000000000 0001000000000000 0000000000000000 0000000000000000 0000000000000000
             0000000000000000 0000000000000000 0000000000000000 0000000000000000
             0000000000000000 0000000000000000 0000000000000000 0000000000000000
             0000000000000000 0000000000000000 0000000000000000 0000000000000000
          00 0100000000000000 02000000
        01000000 0200 6162
        02000000
          0600000000000000 01000000 01000000 02000000 E803000000000000 00000000
          0900000000000000 01000000 01000000 02000000 E803000000000000 00000000
        01000000
          0700000000000000 BC02000000000000 01000000
        """;

    [Fact]
    public void AQueueCursorIsSavedAsDrawn() => Assert.Equal(State.Hex(Golden), State.Of(Sample().Save));

    [Fact]
    public void AQueueCursorIsReadAsDrawn()
    {
        var reader = new StateReader(Convert.FromHexString(State.Hex(Golden)));
        var cursor = QueueCursor.Load(ref reader, new Redelivery(3, 100));
        Assert.Equal((6, 10, 2, 1, 1), (cursor.Floor, cursor.Next, cursor.InFlight, cursor.Returned, cursor.Dropped));
        Assert.Equal(700, cursor.NextDeadline);
        Assert.Equal(LeaseState.Held, cursor.Check(new LeaseId(0, 0, 2, 9, 1), 999));
        Assert.True(cursor.IsSettled(3071));
        Assert.False(cursor.IsSettled(3072));
    }

    [Fact]
    public void ALogCursorIsSavedAsDrawn()
    {
        var cursor = new LogCursor(3);
        cursor.ApplyDropped(5);
        cursor.ApplyCommitted(9, 4);
        Assert.Equal(State.Hex("01 0900000000000000 04000000 0200000000000000"), State.Of(cursor.Save));
        var reader = new StateReader(State.Bytes(cursor.Save));
        var loaded = LogCursor.Load(ref reader);
        Assert.Equal((9, 4, 2), (loaded.Committed, loaded.Generation, loaded.Dropped));
    }

    [Fact]
    public void EveryTruncationIsRefused()
    {
        var bytes = State.Bytes(Sample().Save);
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<StateFormatException>(() => Load(bytes.AsSpan(0, length)));
    }

    [Fact]
    public void EveryChangedByteIsRefusedOrReadAsSomeState()
    {
        var bytes = State.Bytes(Sample().Save);
        for (var at = 0; at < bytes.Length; at++)
            foreach (var value in new byte[] { 0, 1, 0x7F, 0x80, 0xFF })
            {
                var (was, changed) = (bytes[at], bytes.ToArray());
                changed[at] = value;
                if (was != value)
                    _ = Record.Exception(() => Load(changed)) is null or StateFormatException ? 0 : throw new InvalidOperationException($"byte {at} = {value}");
            }
    }

    [Fact]
    public void ANewerVersionIsRefusedByName()
    {
        var bytes = State.Bytes(Sample().Save);
        bytes[0] = 2;
        Assert.Contains("queue cursor has version 2", Assert.Throws<StateFormatException>(() => Load(bytes)).Message, StringComparison.Ordinal);
    }

    private static void Load(ReadOnlySpan<byte> bytes)
    {
        var reader = new StateReader(bytes);
        QueueCursor.Load(ref reader, new Redelivery(3, 100));
    }
}
