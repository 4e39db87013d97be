using OrleansMq.Core.Cursors;
using OrleansMq.Core.Snapshots;
using Xunit;

namespace OrleansMq.Core.Tests.Cursors;

/// <summary>What is kept of keys: versions, room, and how it is saved.</summary>
public sealed class SessionStatesTests
{
    private readonly SessionStates _states = new();

    private static byte[] Key(int key) => [(byte)key, (byte)(key >> 8), (byte)(key >> 16)];

    private void Set(int key, params byte[] state) => _states.Apply(new SessionWrite(Key(key), state));

    private void Clear(int key) => _states.Apply(new SessionWrite(Key(key), null));

    private (long Version, string State)? Find(int key) => _states.TryFind(Key(key), out var version, out var state) ? (version, Convert.ToHexString(state.Span)) : null;

    [Fact]
    public void AVersionIsNeverGivenAgain()
    {
        Set(1, 7);
        Set(2, 8);
        Set(1, 9);
        Clear(2);
        Set(2, 8);
        Clear(1);
        Clear(2);
        var loaded = Reload();

        loaded.Apply(new SessionWrite(Key(1), new byte[] { 7 }));

        Assert.True(loaded.TryFind(Key(1), out var version, out _));
        Assert.Equal(5, version);
    }

    [Fact]
    public void AnEmptyStateIsKeptAndNoneIsNot()
    {
        Set(1);
        Set(2, 8);
        Clear(2);

        Assert.Equal((1, (1, ""), null), (_states.Count, Find(1), Find(2)));
    }

    [Fact]
    public void ItIsSavedAsDrawn()
    {
        Set(1, 7, 7);
        Set(2, 8);
        Set(1, 9);
        _states.ApplyLeft(300);

        Assert.Equal(State.Hex("01 0300000000000000 2D01000000000000 02000000 0200000000000000 03000000 020000 01000000 08 0300000000000000 03000000 010000 01000000 09"), State.Of(_states.Save));
        Assert.Equal(State.Of(_states.Save), State.Of(Reload().Save));
        Assert.Equal((_states.Count, _states.Bytes), (Reload().Count, Reload().Bytes));
    }

    [Fact]
    public void KeysThatLeftAreAwayUntilTheGroupGoesBack()
    {
        _states.ApplyLeft(300);
        _states.ApplyLeft(200);
        _states.ApplySought(400);
        Assert.Equal((301, false, 301), (_states.LeftBelow, _states.IsUnused, Reload().LeftBelow));
        _states.ApplySought(250);
        Assert.Equal(251, _states.LeftBelow);
    }

    [Fact]
    public void EveryTruncationAndChangedByteIsRefusedOrReadAsSomeState()
    {
        Set(1, 7, 7);
        Set(2, 8);
        var bytes = State.Bytes(_states.Save);
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<StateFormatException>(() => Load(bytes.AsSpan(0, length)));
        for (var at = 0; at < bytes.Length; at++)
            foreach (var value in new byte[] { 0, 1, 2, 0x7F, 0x80, 0xFF })
            {
                var changed = bytes.ToArray();
                changed[at] = value;
                if (Record.Exception(() => Load(changed)) is { } thrown and not StateFormatException)
                    Assert.Fail($"byte {at} = {value}: {thrown}");
            }
    }

    [Fact]
    public void TheRoomIsBoundedAndWhatMakesRoomFits()
    {
        var large = new byte[SessionChange.MaxStateBytes];
        var each = large.Length + 3 + SessionStates.RowBytes;
        var key = 0;
        for (; _states.Fits(new SessionWrite(Key(key), large)); key++)
            Set(key, large);

        Assert.Equal((SessionStates.MaxTotalBytes / each, (long)key * each), (key, _states.Bytes));
        // Nothing more fits, but what is not larger than before does, and none always.
        for (var left = SessionStates.MaxTotalBytes - (int)_states.Bytes - 3 - SessionStates.RowBytes; left >= 0; left = -1)
            Assert.Equal((true, false), (_states.Fits(new SessionWrite(Key(key), new byte[left])), _states.Fits(new SessionWrite(Key(key), new byte[left + 1]))));
        Assert.True(_states.Fits(new SessionWrite(Key(0), large)));
        Assert.True(_states.Fits(new SessionWrite(Key(key), null)));
        Clear(0);
        Assert.True(_states.Fits(new SessionWrite(Key(key), large)));
    }

    private SessionStates Reload() => Load(State.Bytes(_states.Save));

    private static SessionStates Load(ReadOnlySpan<byte> bytes)
    {
        var reader = new StateReader(bytes);
        var states = new SessionStates();
        states.Load(ref reader);
        StateReader.Check(reader.Remaining == 0, "Not everything was read.");
        return states;
    }
}
