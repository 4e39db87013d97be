using System.Buffers;
using OrleansMq.Core.Cursors;
using OrleansMq.Core.Log;
using Xunit;

namespace OrleansMq.Core.Tests.Log;

/// <summary>Entries as they stand in a frame never change; a new kind gets a new number.</summary>
public sealed class EntryFormats
{
    /// <summary>Every kind once; numbers of one byte and of several.</summary>
    private static readonly (Entry Entry, string Drawn)[] Golden =
    [
        (new Entry
        {
            Kind = EntryKind.GroupAdded,
            Group = 3,
            Offset = 300,
            Flags = GroupFlags.ByKey | GroupFlags.Declared,
            Id = Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"),
            Name = "ab",
        }, "01 03 AC02 06 33221100554477668899AABBCCDDEEFF 02 6162"),
        (new Entry { Kind = EntryKind.GroupRemoved, Group = 200 }, "02 C801"),
        (new Entry { Kind = EntryKind.GroupDeclared, Group = 3, Flags = GroupFlags.Declared }, "03 03 04"),
        (new Entry { Kind = EntryKind.Committed, Group = 3, Offset = 16_384, Number = 7 }, "04 03 808001 07"),
        (new Entry { Kind = EntryKind.Granted, Group = 3, Lane = 14, Offset = 5, Count = 128, Number = 2, Epoch = 257, Time = long.MaxValue, Name = "c" },
            "05 03 0E 05 8001 02 8102 FFFFFFFFFFFFFFFF7F 01 63"),
        (new Entry { Kind = EntryKind.Settled, Group = 3, Lane = 14, Offset = 5, Count = 2 }, "06 03 0E 05 02"),
        (new Entry { Kind = EntryKind.Returned, Group = 3, Lane = 0, Offset = 5, Time = 1000 }, "07 03 00 05 E807"),
        (new Entry { Kind = EntryKind.Extended, Group = 3, Lane = 0, Offset = 5, Time = 1000 }, "08 03 00 05 E807"),
        (new Entry { Kind = EntryKind.Sought, Group = 3, Offset = 127 }, "09 03 7F"),
        (new Entry { Kind = EntryKind.StartMoved, Offset = 128 }, "0A 8001"),
        (new Entry { Kind = EntryKind.Discarded, Group = 3, Offset = 5, Count = 2 }, "0B 03 05 02"),
        (new Entry { Kind = EntryKind.Cancelled, Lane = Lane.Scheduled, Offset = 300, Count = 2 }, "0C 01 AC02 02"),
        (new Entry { Kind = EntryKind.HalfTimedOut, Offset = 300 }, "0D AC02"),
        (new Entry { Kind = EntryKind.HalfRolledBack, Offset = 5, Time = 1000 }, "0E 05 E807"),
        (new Entry { Kind = EntryKind.TransactionBegun, Offset = 300, Number = 7 }, "14 AC02 07"),
        (new Entry { Kind = EntryKind.TransactionOpened, Offset = 300, Number = 7, Term = 2, Time = 1000, Name = "ab" }, "15 AC02 07 02 E807 02 6162"),
        (new Entry { Kind = EntryKind.Grown, Offset = 300, Number = 6 }, "16 AC02 06"),
        (new Entry { Kind = EntryKind.Compacting, Offset = 300 }, "17 AC02"),
        (new Entry { Kind = EntryKind.Compacted, Offset = 300, Time = 1000, Term = 7 }, "18 AC02 E807 07"),
        (new Entry { Kind = EntryKind.SessionSettled, Group = 3, Lane = 14, Offset = 300, Count = 1, Session = new SessionWrite("ab"u8.ToArray(), "x"u8.ToArray()) }, "19 03 0E AC02 02 6162 02 78"),
        (new Entry { Kind = EntryKind.SessionSet, Group = 3, Session = new SessionWrite("ab"u8.ToArray(), null) }, "1A 03 02 6162 00"),
        (new Entry { Kind = EntryKind.KeysLeft, Group = 3, Offset = 300 }, "1B 03 AC02"),
        (new Entry { Kind = EntryKind.GroupKept, Group = 3, Time = 1000 }, "1C 03 E807"),
        (new Entry { Kind = EntryKind.PassedOver, Group = 3, Offset = 300, Count = 128 }, "1D 03 AC02 8001"),
    ];

    [Fact]
    public void EveryKindIsWrittenAsDrawn()
    {
        Assert.Equal(Enum.GetValues<EntryKind>(), Golden.Select(each => each.Entry.Kind));
        Assert.All(Golden, each => Assert.Equal(State.Hex(each.Drawn), Convert.ToHexString(Written(each.Entry))));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(200)]
    [InlineData(SessionChange.MaxStateBytes)]
    public void AStateOfAnyLengthIsReadAsWrittenAndAnEmptyOneIsNotNone(int length)
    {
        var state = new byte[length];
        new Random(3).NextBytes(state);
        foreach (var key in (byte[][])[[], new byte[5_000]])
        {
            var entry = new Entry { Kind = EntryKind.SessionSet, Group = 1, Session = new SessionWrite(key, state) };
            ReadOnlySpan<byte> bytes = Written(entry);
            Assert.True(EntryCodec.TryRead(ref bytes, out var read));
            Assert.Equal(entry, read);
            Assert.NotEqual(entry with { Session = new SessionWrite(key, null) }, read);
        }
    }

    [Fact]
    public void EveryKindIsReadAsDrawn()
    {
        ReadOnlySpan<byte> rest = Convert.FromHexString(State.Hex(string.Concat(Golden.Select(each => each.Drawn))));
        foreach (var (wanted, _) in Golden)
        {
            Assert.True(EntryCodec.TryRead(ref rest, out var entry));
            Assert.Equal(wanted, entry);
        }

        Assert.True(rest.IsEmpty);
    }

    [Fact]
    public void NoBeginningOfAnEntryIsAnEntry()
    {
        foreach (var (entry, _) in Golden)
        {
            var bytes = Written(entry);
            for (var length = 0; length < bytes.Length; length++)
            {
                ReadOnlySpan<byte> cut = bytes.AsSpan(0, length);
                Assert.False(EntryCodec.TryRead(ref cut, out _), $"{length} bytes of {entry.Kind} were read as an entry.");
            }
        }
    }

    [Theory]
    [InlineData("00")]
    [InlineData("0F 03 05 02")]
    [InlineData("FF 00")]
    [InlineData("02 80808080 08")]
    [InlineData("09 03 FFFFFFFFFFFFFFFFFF 01")]
    [InlineData("05 03 0E 05 8001 02 8102 00 8108 6363636363")]
    public void WhatIsNoEntryIsNotRead(string drawn)
    {
        ReadOnlySpan<byte> bytes = Convert.FromHexString(State.Hex(drawn));
        Assert.False(EntryCodec.TryRead(ref bytes, out _));
    }

    /// <summary>Anything may stand on a disk: it is read, or it is not, and what is read can be written.</summary>
    [Fact]
    public void RandomBytesAreReadOrRefusedAndNothingElse()
    {
        var random = new Random(7);
        var read = 0;
        for (var round = 0; round < 100_000; round++)
        {
            var bytes = new byte[random.Next(1, 48)];
            random.NextBytes(bytes);
            bytes[0] %= 28;
            ReadOnlySpan<byte> rest = bytes;
            while (EntryCodec.TryRead(ref rest, out var entry))
            {
                read++;
                ReadOnlySpan<byte> again = Written(entry);
                Assert.True(EntryCodec.TryRead(ref again, out var same));
                Assert.Equal(entry, same);
            }
        }

        Assert.True(read > 10_000, $"Only {read} were read: the bytes are not the right ones to try.");
    }

    [Fact]
    public void TheLongestEntryFits()
    {
        var entry = new Entry
        {
            Kind = EntryKind.Granted,
            Group = int.MaxValue,
            Lane = int.MaxValue,
            Offset = long.MaxValue,
            Count = int.MaxValue,
            Number = int.MaxValue,
            Epoch = int.MaxValue,
            Time = long.MaxValue,
            Name = new string('x', EntryCodec.MaxNameBytes),
        };
        var bytes = Written(entry);
        ReadOnlySpan<byte> rest = bytes;

        Assert.True(bytes.Length <= EntryCodec.MaxLength);
        Assert.True(EntryCodec.TryRead(ref rest, out var read));
        Assert.Equal(entry, read);
        Assert.Throws<ArgumentException>(() => Written(entry with { Name = entry.Name + "x" }));
    }

    private static byte[] Written(in Entry entry)
    {
        var output = new ArrayBufferWriter<byte>();
        EntryCodec.Write(output, entry);
        return output.WrittenSpan.ToArray();
    }
}
