using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Documents;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>What is put and deleted, when the file is written anew, and what there is no room for.</summary>
public sealed class DocumentShardTests : DocumentShardStory
{
    [Fact]
    public void WhatWasPutIsThereAfterARestartAndVersionsGoOn()
    {
        Assert.Equal(1, Put("a", "one"));
        Assert.Equal(2, Put("a", "two", 1));
        Assert.Equal(1, Put("b", "other"));
        Delete("a", 2);

        Reopen();

        Assert.Null(Get("a"));
        Assert.Equal("other", Get("b"));
        Assert.Equal(3, Put("a", "again"));
        Assert.Equal(3, Put("c", "above every version that was deleted"));
    }

    [Fact]
    public void AFileWithMoreThatDoesNotCountThanDoesIsWrittenAnew()
    {
        var content = new string('z', 1_000);
        var version = Put("a", content);
        Put("kept", "x");
        Delete(Gone(), 1);
        var longest = 0L;
        for (var i = 0; i < 1_000; i++)
        {
            version = Put("a", content, version);
            longest = Math.Max(longest, _disk.ContentOf(File).Length);
        }

        Assert.InRange(longest, DocumentShard.SmallWaste, (2 * DocumentShard.SmallWaste) + 4_096);
        Reopen();
        Assert.Equal(content, Get("a"));
        Assert.Equal("x", Get("kept"));
        Assert.Equal(2, Put("gone", "x"));

        string Gone()
        {
            Put("gone", "x");
            return "gone";
        }
    }

    [Fact]
    public void AFullDiskRefusesADocumentAndChangesNothing()
    {
        Put("a", "one");
        _disk.Capacity = _disk.UsedBytes;

        Assert.Throws<LogFullException>(() => Put("a", new string('x', 100_000), 1));
        Assert.Equal("one", Get("a"));
        Delete("a", 1);
        _disk.Capacity = long.MaxValue;
        Assert.Equal(2, Put("a", "two"));
        Reopen();
        Assert.Equal("two", Get("a"));
    }

    [Fact]
    public void AFileHasALargestSizeAndDeletionsGoOn()
    {
        using var shard = new DocumentShard(_disk, Folder, 9, _ends, () => ++_drawn, _notices.Add, largest: 4_096);
        Assert.Equal(1, shard.Put("a", "a"u8.ToArray(), new byte[3_000], 0));

        Assert.Contains("at most 4096 bytes", Assert.Throws<LogFullException>(() => shard.Put("b", "b"u8.ToArray(), new byte[3_000], 0)).Message, StringComparison.Ordinal);
        Assert.Null(shard.Get("b", "b"u8.ToArray()));
        shard.Delete("a", "a"u8.ToArray(), 1);
    }

    [Fact]
    public void AFileIsWrittenAnewBeforeItIsTakenForFull()
    {
        using var shard = new DocumentShard(_disk, Folder, 9, _ends, () => ++_drawn, _notices.Add, largest: 8_192, smallWaste: 1_024);
        Assert.Equal(1, shard.Put("kept", "kept"u8.ToArray(), new byte[5_000], 0));
        for (var version = 0L; version < 50; version++)
            Assert.Equal(version + 1, shard.Put("a", "a"u8.ToArray(), new byte[500], version));
    }

    [Fact]
    public void ADocumentIsDeletedOnAFullDiskAlsoAfterAStart()
    {
        for (var i = 0; i < 20; i++)
            Put($"k{i}", new string('x', 700));
        _shard.Dispose();
        _shard = NewShard();
        _disk.Capacity = _disk.UsedBytes;
        for (var i = 0; i < 4; i++)
            Delete($"k{i}", 1);
    }
}
