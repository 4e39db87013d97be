using System.Text;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Conformance.Storage;

/// <summary>What every storage promises of its documents.</summary>
public abstract class DocumentContract : IAsyncLifetime
{
    protected IStorage Storage { get; private set; } = null!;

    protected IDocuments Documents => Storage.Documents;

    /// <summary>Opens this test's place; called again after the storage before was disposed of.</summary>
    protected abstract ValueTask<IStorage> Open();

    public async Task InitializeAsync() => Storage = await Open();

    public virtual async Task DisposeAsync() => await Storage.DisposeAsync();

    [Fact]
    public async Task MissingDocumentIsNull() => Assert.Null(await Documents.Get("topics/none"));

    [Fact]
    public async Task DocumentReadsBackAlsoAfterReopening()
    {
        var version = await Documents.Put("topics/orders", "one"u8.ToArray(), 0);
        await AssertHolds("topics/orders", "one", version);

        await Reopen();

        await AssertHolds("topics/orders", "one", version);
    }

    [Fact]
    public async Task EmptyDocumentIsNotAMissingOne()
    {
        await Documents.Put("empty", ReadOnlyMemory<byte>.Empty, 0);

        Assert.Equal(0, (await Documents.Get("empty"))!.Bytes.Length);
    }

    [Fact]
    public async Task WriteNamesTheVersionItReplaces()
    {
        var first = await Documents.Put("key", "one"u8.ToArray(), 0);
        var second = await Documents.Put("key", "two"u8.ToArray(), first);

        Assert.True(second > first && first > 0);
        await Assert.ThrowsAsync<DocumentConflictException>(async () => await Documents.Put("key", "x"u8.ToArray(), first));
        await Assert.ThrowsAsync<DocumentConflictException>(async () => await Documents.Put("key", "x"u8.ToArray(), 0));
        await Assert.ThrowsAsync<DocumentConflictException>(async () => await Documents.Put("other", "x"u8.ToArray(), second));
        await AssertHolds("key", "two", second);
        Assert.Null(await Documents.Get("other"));
    }

    [Fact]
    public async Task OfManyWritersOneWins()
    {
        var version = await Documents.Put("key", "start"u8.ToArray(), 0);
        for (var round = 0; round < 10; round++)
        {
            var expected = version;
            var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(() => TryPut($"{round}-{writer}", expected))));

            var winner = Assert.Single(results, result => result is not null)!;
            version = winner.Value.Version;
            await AssertHolds("key", winner.Value.Text, version);
        }
    }

    [Fact]
    public async Task DeleteNamesTheVersionToo()
    {
        var version = await Documents.Put("key", "one"u8.ToArray(), 0);
        await Assert.ThrowsAsync<DocumentConflictException>(async () => await Documents.Delete("key", version + 1));

        await Documents.Delete("key", version);

        Assert.Null(await Documents.Get("key"));
        await Assert.ThrowsAsync<DocumentConflictException>(async () => await Documents.Delete("key", version));
        await Assert.ThrowsAsync<DocumentConflictException>(async () => await Documents.Delete("key", 0));
        await Assert.ThrowsAsync<DocumentConflictException>(async () => await Documents.Put("key", "x"u8.ToArray(), version));
        await Reopen();
        Assert.Null(await Documents.Get("key"));
    }

    [Fact]
    public async Task VersionsGrowOverDeletingAndReopening()
    {
        long last = 0;
        for (var round = 0; round < 5; round++)
        {
            var version = await Documents.Put("key", "one"u8.ToArray(), 0);
            Assert.True(version > last);
            last = await Documents.Put("key", "two"u8.ToArray(), version);
            Assert.True(last > version);
            await Documents.Delete("key", last);
            if (round % 2 == 0)
                await Reopen();
        }
    }

    [Fact]
    public async Task KeysThatAFileSystemWouldMixUpStayApart()
    {
        string[] keys =
        [
            "a", "A", "ä", "Ä", "a/b", "a\\b", "a%2fb", "a/../b", "..", ".", "/", "//", " ", "a ", "a.", "con", "nul", "COM1", "a:b", "a*?\"<>|",
            "%", "%61", "line\nbreak", "\u0001", "日本語", "🦆", "é", "e\u0301", "floor", "lock", "x.tmp", "x.doc", new string('x', 1024), new string('X', 1024),
            new string('x', 1023), new string('ü', 1024), new string('x', 195), new string('x', 198), new string('x', 199), "topics/orders", "topics/Orders",
        ];
        var versions = new Dictionary<string, long>();
        foreach (var key in keys)
            versions[key] = await Documents.Put(key, Encoding.UTF8.GetBytes("of " + key), 0);

        await Reopen();

        foreach (var key in keys)
            await AssertHolds(key, "of " + key, versions[key]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1025)]
    public async Task KeyOfAnImpossibleLengthIsRefused(int length)
    {
        var key = new string('k', length);

        await Assert.ThrowsAsync<ArgumentException>(async () => await Documents.Get(key));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Documents.Put(key, "x"u8.ToArray(), 0));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Documents.Delete(key, 1));
    }

    [Fact]
    public async Task BigDocumentReadsBack()
    {
        var bytes = new byte[3 << 20];
        new Random(1).NextBytes(bytes);
        await Documents.Put("big", bytes, 0);

        await Reopen();

        Assert.Equal(bytes, (await Documents.Get("big"))!.Bytes.ToArray());
    }

    [Fact]
    public async Task CallersBufferIsItsOwnAfterTheCall()
    {
        var bytes = "one"u8.ToArray();
        var version = await Documents.Put("key", bytes, 0);
        bytes[0] = 0;

        await AssertHolds("key", "one", version);
    }

    protected async Task Reopen()
    {
        await Storage.DisposeAsync();
        Storage = await Open();
    }

    private async Task<(string Text, long Version)?> TryPut(string text, long expected)
    {
        try
        {
            return (text, await Documents.Put("key", Encoding.UTF8.GetBytes(text), expected));
        }
        catch (DocumentConflictException)
        {
            return null;
        }
    }

    private async Task AssertHolds(string key, string text, long version)
    {
        var document = await Documents.Get(key);
        Assert.NotNull(document);
        Assert.Equal((text, version), (Encoding.UTF8.GetString(document.Bytes.Span), document.Version));
    }
}
