using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Shared;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

public sealed class SharedFileDocumentTests : DocumentContract
{
    private readonly TemporaryFolder _folder = new();

    protected override ValueTask<IStorage> Open() => new(new SharedFileStorage(_folder.Options));

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Remove();
    }

    [Fact]
    public async Task OfWritersOfADocumentInSeveralProcessesOneWins()
    {
        await using var one = new SharedFileStorage(_folder.Options);
        await using var other = new SharedFileStorage(_folder.Options);
        long version = 0;
        for (var round = 0; round < 25; round++)
        {
            var expected = version;
            var results = await Task.WhenAll(Enumerable.Range(0, 6).Select(n => Task.Run(async () =>
            {
                try
                {
                    return await (n % 2 == 0 ? one : other).Documents.Put("key", new byte[] { (byte)round, (byte)n }, expected);
                }
                catch (DocumentConflictException)
                {
                    return 0;
                }
            })));

            version = Assert.Single(results, result => result > 0);
            var winner = Array.IndexOf(results, version);
            var read = (await other.Documents.Get("key"))!;
            Assert.Equal((version, round, winner), (read.Version, (int)read.Bytes.Span[0], (int)read.Bytes.Span[1]));
        }
        Assert.Equal(2, Directory.GetFiles(Directory.GetDirectories(Path.Join(_folder.Options.Directory, "documents"), "d-key", SearchOption.AllDirectories).Single()).Length);
    }
}
