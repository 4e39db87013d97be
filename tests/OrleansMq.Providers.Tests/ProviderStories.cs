namespace OrleansMq.Providers.Tests;

/// <summary>What every pair of Orleans' providers has to bear: silos go and others come, and topics, groups, cursors and users' messages are there.</summary>
public static class ProviderStories
{
    private const int Partitions = 4;
    private const int Messages = 40;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    internal static async Task NothingIsLostWhenSilosGoAndOthersCome(ConfiguredCluster cluster)
    {
        var first = await cluster.StartSilo();
        var second = await cluster.StartSilo();
        var broker = await cluster.Connect();
        Assert.Equal(2, (await broker.DescribeCluster()).Nodes.Count);
        await broker.PutTopic("orders", new TopicChange { Partitions = Partitions });
        await broker.PutGroup("orders", "billing", new GroupChange { MaxDeliveries = 7 });
        for (var i = 0; i < Messages; i++)
            await broker.Publish("orders", [Message.OfText($"{i}") with { Partition = i % Partitions }]);
        var settled = await Settle(broker, Messages / 2);

        // One goes while another serves; then its successor comes and the last of the first two goes as well.
        await cluster.Stop(first);
        await broker.Publish("orders", [Message.OfText("while one was gone") with { Partition = 0 }]);
        var third = await cluster.StartSilo();
        await cluster.Stop(second);
        await broker.PutTopic("later", new TopicChange());
        await broker.Publish("later", [Message.OfText("x")]);

        // And all are gone before the next one comes.
        await cluster.Stop(third);
        await cluster.StartSilo();
        var after = await cluster.Connect();

        Assert.Equal(["later", "orders"], (await after.ListTopics()).Items.Select(topic => topic.Text));
        var orders = await after.DescribeTopic("orders");
        Assert.Equal((Partitions, Messages + 1L), (orders.Partitions.Count, orders.Partitions.Sum(partition => partition.End)));
        Assert.Equal(7, (await after.DescribeGroup("orders", "billing")).Settings.MaxDeliveries);
        var rest = await Settle(after, Messages + 1 - settled.Count);
        Assert.Equal(Messages + 1, settled.Union(rest).Count());
        Assert.Empty(settled.Intersect(rest));
        Assert.Empty(cluster.Documents);
    }

    /// <returns>Bodies of what was settled.</returns>
    private static async Task<List<string>> Settle(IBroker broker, int count)
    {
        var bodies = new List<string>();
        using var patience = new CancellationTokenSource(Patience);
        while (bodies.Count < count)
        {
            var received = await broker.Receive("orders", "billing", new ReceiveRequest { Max = count - bodies.Count, Wait = TimeSpan.FromSeconds(1) }, patience.Token);
            if (received.Count > 0)
                await broker.Settle("orders", "billing", Settlement.Acknowledge([.. received.Select(message => message.Lease)]), patience.Token);
            bodies.AddRange(received.Select(message => message.BodyText!));
        }
        return bodies;
    }
}
