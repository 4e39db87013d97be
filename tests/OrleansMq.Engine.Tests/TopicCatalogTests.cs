using System.Text;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using Xunit;

namespace OrleansMq.Engine.Tests;

public sealed class TopicCatalogTests
{
    [Theory]
    [InlineData("no json", ErrorCodes.PartitionDamaged)]
    [InlineData("""{"version":99,"name":"g"}""", ErrorCodes.PartitionUnavailable)]
    public async Task AGroupsDocumentThatCantBeReadIsARefusal(string stored, string code)
    {
        await using var storage = new VolatileStorage();
        var topic = Guid.NewGuid();
        await storage.Documents.Put(TopicCatalog.GroupKey(topic, "g"), Encoding.UTF8.GetBytes(stored), 0);

        var refusal = await Assert.ThrowsAsync<MqException>(async () => await new TopicCatalog(storage.Documents).FindGroup(topic, "g", 0));

        Assert.Equal(code, refusal.Code);
        Assert.Contains("'g'", refusal.Message, StringComparison.Ordinal);
    }
}
