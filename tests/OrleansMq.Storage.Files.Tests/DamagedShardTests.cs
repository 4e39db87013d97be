using System.Text;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Formats;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>What is served of a file of documents in which something does not read back.</summary>
public sealed class DamagedShardTests : DocumentShardStory
{
    [Fact]
    public void ABitFlippedInAnyRecordButTheLastKeepsThatDocumentAloneFromBeingServed()
    {
        Put("a", "one");
        Put("b", "two");
        Put("c", "three");
        var (from, to) = RecordOf("b");
        for (var at = from; at < to; at++)
        {
            _disk.FlipBit(File, at, (int)(at % 8));
            Reopen();

            Assert.Contains("'b'", Assert.Throws<LogDamagedException>(() => Get("b")).Message, StringComparison.Ordinal);
            Assert.Throws<LogDamagedException>(() => Put("b", "x", 1));
            Assert.Throws<LogDamagedException>(() => Put("b", "x", 0));
            Assert.Throws<LogDamagedException>(() => Delete("b", 1));
            Assert.Equal("one", Get("a"));
            Assert.Equal("three", Get("c"));
            Assert.Null(Get("d"));
            Assert.NotEmpty(_notices);
            _disk.FlipBit(File, at, (int)(at % 8));
            _notices.Clear();
        }
    }

    [Fact]
    public void AnOlderVersionIsNotServedInPlaceOfADamagedOne()
    {
        Put("a", "old");
        Put("a", "new", 1);
        Put("b", "behind it");
        FlipNewestOf("a");
        Reopen();

        Assert.Throws<LogDamagedException>(() => Get("a"));
    }

    [Fact]
    public void WhatIsWrittenBesideADamagedDocumentIsServedAfterARestart()
    {
        Put("a", "one");
        Put("b", "two");
        Put("c", "three");
        FlipNewestOf("b");
        Reopen();

        Assert.True(Put("c", "four", 1) > 1L << 32, "what was lost may have been a deletion at any version");
        Put("d", "new");
        Reopen();

        Assert.Equal("four", Get("c"));
        Assert.Equal("new", Get("d"));
        Assert.Throws<LogDamagedException>(() => Get("b"));
    }

    [Fact]
    public void WhereSeveralRecordsAreLostOnlyWhatWasWrittenSinceIsServed()
    {
        Put("before", "x");
        Put("lost", "x");
        Put("lost too", "x");
        Put("since", "x");
        FlipNewestOf("lost");
        FlipNewestOf("lost too");
        Reopen();

        Assert.Equal("x", Get("since"));
        foreach (var key in new[] { "before", "lost", "lost too", "never there" })
            Assert.Throws<LogDamagedException>(() => Get(key));
    }

    [Fact]
    public void ABitFlippedInTheLastRecordIsNotTakenForAWriteThatWasCutOff()
    {
        Put("a", "old");
        Put("b", "one");
        Put("a", new string('x', 2_000), 1);
        var (from, to) = RecordOf("a");
        for (var at = from; at < to; at++)
        {
            _disk.FlipBit(File, at, 1);
            Reopen();

            Assert.Throws<LogDamagedException>(() => Get("a"));
            Assert.Equal("one", Get("b"));
            _disk.FlipBit(File, at, 1);
        }
    }

    [Fact]
    public void WhereNothingOfTheLastRecordReadsBackWhatWasNotWrittenSinceIsNotServed()
    {
        Put("a", "old");
        Put("b", new string('x', 2_000));
        var (from, to) = RecordOf("b");
        var bytes = _disk.ContentOf(File);
        bytes.AsSpan((int)from, (int)(to - from)).Fill(0x55);
        _disk.Place(File, bytes);
        Reopen();

        Assert.Throws<LogDamagedException>(() => Get("a"));
        Assert.Throws<LogDamagedException>(() => Get("never there"));
        Assert.Throws<LogDamagedException>(() => Put("new", "x"));
    }

    [Fact]
    public void WhatIsWrittenBehindADamagedLastRecordIsServedAfterARestart()
    {
        Put("a", "old");
        Put("b", "one");
        Put("a", "new", 1);
        _disk.FlipBit(File, RecordOf("a").From + 66, 1);
        Reopen();

        Put("c", "three");
        Reopen();

        Assert.Throws<LogDamagedException>(() => Get("a"));
        Assert.Equal("one", Get("b"));
        Assert.Equal("three", Get("c"));
    }

    [Fact]
    public void AWriteOfWhichASectorDidNotComeToTheDiskIsCutAndTold()
    {
        Put("a", "one");
        Put("b", new string('x', 2_000));
        var (from, to) = RecordOf("b");
        var whole = _disk.ContentOf(File);
        for (var at = (int)from; at < to; at = (at / 512 + 1) * 512)
        {
            for (var written = 0; written < 512 && at + written < to; written += 16)
            {
                var bytes = (byte[])whole.Clone();
                bytes.AsSpan(at + written, Math.Min(512 - (at + written) % 512, bytes.Length - at - written)).Clear();
                _disk.Place(File, bytes);
                _notices.Clear();
                ReopenUnknown();

                Assert.Equal("one", Get("a"));
                Assert.Null(Get("b"));
                Assert.Contains("were cut", Assert.Single(_notices).Message, StringComparison.Ordinal);
                if (at % 512 + written >= 512)
                    break;
            }
        }
    }

    [Fact]
    public void WhereverAWriteIsCutOffWhatWasThereBeforeIsServed()
    {
        Put("a", "one");
        var before = _disk.ContentOf(File);
        Put("a", new string('y', 1_500), 1);
        var after = _disk.ContentOf(File);
        for (var length = before.Length; length < after.Length; length++)
        {
            _disk.Place(File, after[..length]);
            ReopenUnknown();
            Assert.Equal("one", Get("a"));
            Assert.Equal(2, Put("a", "two", 1));
            ReopenUnknown();
            Assert.Equal("two", Get("a"));
        }
    }

    [Fact]
    public void AFileThatIsShorterThanItWasIsDamagedWhereverItEnds()
    {
        Put("a", "one");
        Put("b", "two");
        Put("c", "three");
        var whole = _disk.ContentOf(File);
        for (var length = whole.Length - 1; length > 128; length--)
        {
            _disk.Place(File, whole[..length]);
            Reopen();

            Assert.Throws<LogDamagedException>(() => Get("c"));
            _disk.Place(File, whole);
        }
    }

    [Fact]
    public void AFileOfAnotherShardDoesNotReadBack()
    {
        Put("a", "one");
        _disk.Place("/data/documents/08.docs", _disk.ContentOf(File));

        using var other = new DocumentShard(_disk, Folder, 8, _ends, () => ++_drawn, _notices.Add);

        Assert.Throws<LogDamagedException>(() => other.Get("a", "a"u8.ToArray()));
    }

    [Fact]
    public void AnythingInADocumentIsOnlyContent()
    {
        var key = new string('k', DocumentRecord.Unit);
        Put("a", "one");
        Put(key, "two");
        var at = RecordOf(key).To + DocumentRecord.Unit + key.Length;
        // A record that would stand where it says, of the same file, but for the salt, which nobody knows.
        var forged = new DocumentRecord(DocumentRecordKind.Put, 99, 50, 7, default, "a"u8.ToArray(), "forged"u8.ToArray()).Encode(at, Number);
        _shard.Put(key, Encoding.UTF8.GetBytes(key), forged, 1);
        Put("c", "three");
        FlipNewestOf(key);
        Reopen();

        Assert.Throws<LogDamagedException>(() => Get(key));
        Assert.Equal("one", Get("a"));
        Assert.Equal("three", Get("c"));
    }

    [Fact]
    public void AFileThatIsGoneOrEmptyIsDamaged()
    {
        Put("a", "one");
        _disk.Place(File, []);
        Reopen();
        Assert.Throws<LogDamagedException>(() => Get("a"));
        Assert.True(ShardView.Read(_disk, Folder, Number).Index.IsDamaged);

        _disk.Remove(File);
        _disk.FlushDirectory(Folder);
        Reopen();
        Assert.Contains("is missing", Assert.Throws<LogDamagedException>(() => Get("a")).Message, StringComparison.Ordinal);
        Assert.Throws<LogDamagedException>(() => Put("a", "x"));
        Assert.Equal([Number], ShardEnds.MissingIn(_disk, Folder));
    }

    [Fact]
    public void AFileThatWasRestoredFromACopyIsServedOnceTheFileThatSaysHowLongItWasIsRemoved()
    {
        Put("a", "one");
        var copy = _disk.ContentOf(File);
        Put("a", "two", 1);
        _disk.Place(File, copy);
        Reopen();
        Assert.Contains($"remove the file {ShardEnds.FileName}", Assert.Throws<LogDamagedException>(() => Get("a")).Message, StringComparison.Ordinal);

        ReopenUnknown();

        Assert.Equal("one", Get("a"));
        Assert.Equal(2, Put("a", "again", 1));
    }

    [Fact]
    public void AReadThatFailsKeepsNothingFromBeingServedLater()
    {
        Put("a", "one");
        Put("b", "two");
        _disk.Fault = call => call.Operation == "pread" ? DiskError.Failed : null;

        Assert.Throws<LogFailedException>(() => Get("a"));
        _disk.Fault = null;
        Assert.Equal("one", Get("a"));
        Assert.Equal(2, Put("b", "three", 1));
    }

    [Fact]
    public void ADamagedFileIsNotWrittenAnewForWhatIsLeftOfItMayBeNeeded()
    {
        Put("a", "one");
        Put("b", "two");
        var version = Put("c", "x");
        FlipNewestOf("b");
        Reopen();
        for (var i = 0; i < 300; i++)
            version = Put("c", new string('z', 1_000), version);

        Assert.True(_disk.ContentOf(File).Length > 300_000);
        Assert.Throws<LogDamagedException>(() => Get("b"));
    }

    [Fact]
    public void WhatIsDamagedWhileItIsServedKeepsTheFileFromBeingWrittenAnewAndNothingElse()
    {
        Put("a", "one");
        Put("b", "two");
        var version = Put("c", "x");
        FlipNewestOf("b");
        for (var i = 0; i < 300; i++)
            version = Put("c", new string('z', 1_000), version);

        Assert.Throws<LogDamagedException>(() => Get("b"));
        Assert.Equal("one", Get("a"));
        Assert.Single(_notices);
        Reopen();
        Assert.Throws<LogDamagedException>(() => Get("b"));
        Assert.Equal(new string('z', 1_000), Get("c"));
    }
}
