using OrleansMq.Core.Cursors;
using Xunit;

namespace OrleansMq.Core.Tests.Cursors;

/// <summary>Keys that stay with a consumer.</summary>
public sealed class SessionHoldersTests
{
    private const ulong Key = 7;
    private readonly QueueCursor _cursor = new(0, new Redelivery(5, 0), byKey: true) { SessionIdleMs = 100 };
    private readonly List<GrantRange> _selected = [];

    /// <summary>Grants as the partition does.</summary>
    private long? Take(string consumer, long nowMs, long untilMs = 1_000, string? request = null)
    {
        _selected.Clear();
        _cursor.Lapse(nowMs);
        if (_cursor.Select(nowMs, 1, 10, _selected, consumer) == 0)
            return null;
        var holder = LeaseHolder.Of(consumer, request);
        _cursor.ApplyGranted(_selected[0], untilMs, 1, holder);
        _cursor.NoteGranted(_selected[0], holder, untilMs, nowMs);
        return _selected[0].From;
    }

    private void Done(long offset, long nowMs)
    {
        _cursor.NoteDone(offset, nowMs);
        _cursor.ApplySettled(offset, 1);
    }

    private void Offer(params ulong[] keys) => _cursor.Offer(_cursor.Scanned, Array.ConvertAll(keys, key => new MessageTraits(key, 0, 1, 4)));

    [Fact]
    public void AKeyStaysUntilItsConsumerWasIdle()
    {
        Offer(Key, Key, 8, Key);

        Assert.Equal(0, Take("a", 10, request: "r-1"));
        Done(0, 20);

        Assert.Equal(2, Take("b", 119));
        Assert.Null(Take("b", 119));
        Assert.Equal(120, _cursor.NextDeadline);
        Assert.Equal(1, Take("b", 120));
        Done(1, 130);
        Assert.Null(Take("a", 140));
        Assert.Equal(3, Take("b", 140));
    }

    [Fact]
    public void AKeyIsFreeWhenItsLeaseLapses()
    {
        Offer(Key);
        Assert.Equal(0, Take("a", 10, untilMs: 50));

        Assert.Null(Take("b", 49));
        Assert.Equal(0, Take("b", 50));
    }

    [Fact]
    public void AnExtensionKeepsItAndAReturnedMessageStaysAWhile()
    {
        Offer(Key);
        Assert.Equal(0, Take("a", 10, untilMs: 50));
        _cursor.NoteExtended(0, 400);
        _cursor.ApplyExtended(0, 400);
        Assert.Null(Take("b", 60));

        _cursor.NoteDone(0, 60);
        _cursor.ApplyReturned(0, 60);

        Assert.Null(Take("b", 70));
        // Who asked in vain is told of when it is free, and not of when the lease would have ended.
        Assert.Equal(160, _cursor.NextDeadline);
        Assert.Equal(0, Take("a", 80));
    }

    [Fact]
    public void MessagesWithoutAKeyAndConsumersWithoutANameHoldNothing()
    {
        Offer(0, 0, Key, Key);
        Assert.Equal(0, Take("a", 10));
        Assert.Equal(1, Take("b", 10));
        Assert.Equal(2, Take("", 10));
        Done(2, 20);
        Assert.Equal(3, Take("b", 20));
    }

    [Fact]
    public void ASeekAndOtherSettingsLetAllGo()
    {
        Offer(Key, Key);
        Assert.Equal(0, Take("a", 10));
        _cursor.ApplySought(0);
        Offer(Key, Key);
        Assert.Equal(0, Take("b", 10));
        Done(0, 20);
        _cursor.SessionIdleMs = null;
        Assert.Equal(1, Take("c", 20));
    }

    [Fact]
    public void KeysBeyondTheLimitGoToAnyone()
    {
        var holders = new SessionHolders(100);
        for (var key = 1UL; key <= SessionHolders.MaxKeys + 1; key++)
            holders.Hold(key, "a", 1_000, 1);

        Assert.True(holders.IsAnothers(SessionHolders.MaxKeys, "b", 1));
        Assert.False(holders.IsAnothers(SessionHolders.MaxKeys + 1, "b", 1));
        // Those whose time is over make room.
        holders.Hold(SessionHolders.MaxKeys + 2, "a", 3_000, 2_000);
        Assert.True(holders.IsAnothers(SessionHolders.MaxKeys + 2, "b", 2_000));
    }
}
