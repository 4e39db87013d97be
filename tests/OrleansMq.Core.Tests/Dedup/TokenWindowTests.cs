using OrleansMq.Core.Dedup;
using OrleansMq.Core.Snapshots;
using Xunit;

namespace OrleansMq.Core.Tests.Dedup;

public sealed class TokenWindowTests
{
    private static TokenHash Hash(int token) => TokenHash.Of($"token-{token}");

    [Fact]
    public void AHashIsTheFirstHalfOfSha256() =>
        Assert.Equal(new TokenHash(0xBA7816BF8F01CFEA, 0x414140DE5DAE2223), TokenHash.Of("abc"));

    [Fact]
    public void ATokenHas1To256Bytes()
    {
        Assert.Equal(ErrorCodes.Malformed, Assert.Throws<MqException>(() => TokenHash.Of("")).Code);
        Assert.Equal(ErrorCodes.Malformed, Assert.Throws<MqException>(() => TokenHash.Of(new string('x', 257))).Code);
        TokenHash.Of(new string('x', 256));
    }

    [Fact]
    public void ATokenIsKnownUntilItsAge()
    {
        var window = new TokenWindow(10, 1000);
        window.ApplyRemembered(Hash(1), 42, 100);
        Assert.True(window.TryFind(Hash(1), 1099, out var offset));
        Assert.Equal(42, offset);
        Assert.False(window.TryFind(Hash(1), 1100, out _));
        Assert.False(window.TryFind(Hash(2), 100, out _));
    }

    [Fact]
    public void ATokenForgottenForNumberIsCounted()
    {
        var window = new TokenWindow(2, 1000);
        for (var i = 0; i < 3; i++)
            window.ApplyRemembered(Hash(i), i, 0);
        Assert.False(window.TryFind(Hash(0), 1, out _));
        Assert.True(window.TryFind(Hash(1), 1, out _));
        Assert.Equal(1, window.ForgottenEarly);
    }

    [Fact]
    public void ATokenForgottenForAgeIsNotCounted()
    {
        var window = new TokenWindow(2, 1000);
        for (var i = 0; i < 3; i++)
            window.ApplyRemembered(Hash(i), i, i * 5000);
        Assert.Equal((1, 0), (window.Count, window.ForgottenEarly));
    }

    [Fact]
    public void ATokenRememberedAnewIsKnownWhenItsFirstIsForgotten()
    {
        var window = new TokenWindow(2, 1000);
        window.ApplyRemembered(Hash(1), 10, 0);
        window.ApplyRemembered(Hash(1), 20, 0);
        window.ApplyRemembered(Hash(2), 30, 0);
        Assert.True(window.TryFind(Hash(1), 1, out var offset));
        Assert.Equal((20, 0), (offset, window.ForgottenEarly));
    }

    [Fact]
    public void LimitsChangeWhileItRuns()
    {
        var window = new TokenWindow(10, 1000);
        for (var i = 0; i < 10; i++)
            window.ApplyRemembered(Hash(i), i, i);
        window.Limit(4, 1000, 10);
        Assert.False(window.TryFind(Hash(5), 10, out _));
        Assert.True(window.TryFind(Hash(6), 10, out _));
        window.Limit(4, 1, 10);
        Assert.Equal(0, window.Count);
        window.Limit(0, 1, 10);
        window.ApplyRemembered(Hash(1), 1, 10);
        Assert.Equal(0, window.Count);
    }

    [Fact]
    public void WhatWasCutFromTheLogIsNotRemembered()
    {
        var window = new TokenWindow(10, 1000);
        window.ApplyRemembered(Hash(1), 1, 0);
        window.ApplyRemembered(Hash(2), 2, 0);
        window.ClampTo(2);
        Assert.True(window.TryFind(Hash(1), 0, out _));
        Assert.False(window.TryFind(Hash(2), 0, out _));
    }

    [Fact]
    public void AWindowIsSavedAsDrawn()
    {
        var window = new TokenWindow(1, 1000);
        window.ApplyRemembered(Hash(1), 1, 5);
        window.ApplyRemembered(TokenHash.Of("abc"), 258, 7);
        Assert.Equal(State.Hex("01 0100000000000000 01000000 EACF018FBF1678BA 2322AE5DDE404141 0201000000000000 0700000000000000"), State.Of(window.Save));
    }

    [Fact]
    public void AMillionTokensFitIn64Megabytes()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var window = new TokenWindow(1_000_000, long.MaxValue / 4);
        for (var i = 0; i < 1_000_000; i++)
            window.ApplyRemembered(new TokenHash((ulong)i, (ulong)i * 0x9E3779B97F4A7C15), i, i);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64_000_000);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 1_000_000; i < 1_100_000; i++)
            window.ApplyRemembered(new TokenHash((ulong)i, (ulong)i * 0x9E3779B97F4A7C15), i, i);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, 200_000);
        Assert.Equal(1_000_000, window.Count);
    }

    [Theory]
    [InlineData(1, 50)]
    [InlineData(2, 2500)]
    [InlineData(3, 1)]
    [InlineData(4, 2100)]
    public void EveryHistoryAgreesWithAList(int seed, int count)
    {
        var random = new Random(seed);
        var age = random.NextInt64(1000, 20_000);
        var window = new TokenWindow(count, age);
        var model = new List<(int Token, long Offset, long AtMs)>();
        var (now, early) = (0L, 0L);
        for (var step = 0; step < 8_000; step++)
        {
            now += random.Next(6) == 0 ? random.Next(0, 30) : 0;
            if (random.Next(1500) == 0)
            {
                (count, age) = (random.Next(1, 3000), random.NextInt64(500, 30_000));
                window.Limit(count, age, now);
                model.RemoveAll(m => m.AtMs <= now - age);
                early += Trim(model, count);
            }
            if (random.Next(1000) == 0)
                window = Reload(window, count, age);
            var token = random.Next(0, 4000);
            var at = model.FindLastIndex(m => m.Token == token && m.AtMs > now - age);
            Assert.Equal(at >= 0, window.TryFind(Hash(token), now, out var offset));
            Assert.Equal(at >= 0 ? model[at].Offset : -1, offset);
            if (at >= 0)
                continue;
            model.RemoveAll(m => m.AtMs <= now - age);
            early += Trim(model, count - 1);
            model.Add((token, step, now));
            window.ApplyRemembered(Hash(token), step, now);
            Assert.Equal((model.Count, early), (window.Count, window.ForgottenEarly));
        }
    }

    [Fact]
    public void EveryTruncationIsRefused()
    {
        var window = new TokenWindow(10, 1000);
        window.ApplyRemembered(Hash(1), 1, 5);
        var bytes = State.Bytes(window.Save);
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<StateFormatException>(() =>
            {
                var reader = new StateReader(bytes.AsSpan(0, length));
                TokenWindow.Load(ref reader, 10, 1000);
            });
    }

    private static int Trim(List<(int, long, long)> model, int count)
    {
        var over = Math.Max(0, model.Count - count);
        model.RemoveRange(0, over);
        return over;
    }

    private static TokenWindow Reload(TokenWindow window, int count, long age)
    {
        var reader = new StateReader(State.Bytes(window.Save));
        return TokenWindow.Load(ref reader, count, age);
    }
}
