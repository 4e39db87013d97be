using System.Buffers.Binary;
using OrleansMq.Records;
using OrleansMq.Storage.Files.Documents;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>The file that says of files of documents up to where they are durable.</summary>
public sealed class ShardEndsTests : DocumentShardStory
{
    private const int Entry = 32;
    private const string Ends = Folder + "/" + ShardEnds.FileName;

    /// <summary>Found by the trial of damages: blocks of the file that were swapped, each entry of which read back.</summary>
    [Fact]
    public void AnEntryInThePlaceOfAnotherIsFoundAndSaysNothing()
    {
        Put("a", "one");
        _ends.Write(9, 11, 128);
        Reopen();
        var bytes = _disk.ContentOf(Ends);
        var moved = (byte[])bytes.Clone();
        bytes.AsSpan(Number * Entry, Entry).CopyTo(moved.AsSpan(9 * Entry));
        moved.AsSpan(Number * Entry, Entry).Clear();
        _disk.Place(Ends, moved);
        Reopen();

        Assert.Equal([9], ShardEnds.DamagedIn(_disk, Folder));
        Assert.False(_ends.Knows(9));
        Assert.Empty(ShardEnds.MissingIn(_disk, Folder));
        Assert.Equal("one", Get("a"));
    }

    [Fact]
    public void AnEntryThatWasWrittenBeforeThereWasAMarkIsBelieved()
    {
        Span<byte> entry = stackalloc byte[Entry];
        entry.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(entry, 11);
        BinaryPrimitives.WriteInt64LittleEndian(entry[8..], 128);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[28..], Crc32C.Compute(entry[..28]));
        _disk.Place(Ends, [.. new byte[9 * Entry], .. entry]);
        Reopen();

        Assert.Empty(ShardEnds.DamagedIn(_disk, Folder));
        Assert.Equal(128, _ends.Read(9, 11));
    }
}
