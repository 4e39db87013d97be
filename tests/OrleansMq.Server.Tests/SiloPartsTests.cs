using OrleansMq.Server.Documents;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>What the grains of a silo share.</summary>
[Collection(nameof(OneSilo))]
public sealed class SiloPartsTests(OneSilo cluster)
{
    [Fact]
    public async Task NoVersionOfADocumentComesAgainThoughItWasDeletedMeanwhile()
    {
        var document = cluster.Cluster.Client.GetGrain<IDocumentGrain>("story/versions");
        var first = await document.Put([1], 0);
        await document.Delete(first.Version);
        var second = await document.Put([2], 0);

        Assert.True((await document.Put([3], first.Version)).Conflict);

        await document.Delete(second.Version);
    }
}
