using OrleansMq.Storage.Files;

namespace OrleansMq.Cli.Tests;

/// <summary>A folder that a broker left: topic <c>t</c> with 120 messages, a frame each, over several segments; the group came after the first 20, and five are settled.</summary>
public sealed class LeftFolder : IAsyncLifetime
{
    public const int Messages = 120;

    public string Path { get; } = Directory.CreateTempSubdirectory("mq-left-").FullName;

    public async Task InitializeAsync()
    {
        await using var broker = await Start(Path);
        await broker.PutTopic("t", new TopicChange { Partitions = 1 });
        for (var i = 0; i < Messages; i++)
        {
            if (i == 20)
                await broker.PutGroup("t", "the-group", new GroupChange());
            await broker.Publish("t", [Message.OfText(Text(i))], new PublishOptions { Acks = i == Messages - 1 ? Acks.Durable : Acks.Accepted });
        }

        var given = await broker.Receive("t", "the-group", new ReceiveRequest { Max = 5, Consumer = "w" });
        await broker.Settle("t", "the-group", Settlement.Acknowledge([.. given.Take(3).Select(each => each.Lease)]));
        await broker.Settle("t", "the-group", new Settlement { Kind = SettlementKind.DeadLetter, Leases = [.. given.Skip(3).Select(each => each.Lease)], Reason = "no" });
    }

    public Task DisposeAsync()
    {
        Directory.Delete(Path, recursive: true);
        return Task.CompletedTask;
    }

    public static string Text(int i) => $"m{i}|{new string((char)('a' + i % 26), 500)}";

    public static async Task<EmbeddedBroker> Start(string path) => await EmbeddedBroker.Start(new EmbeddedOptions
    {
        Storage = new FileStorage(new FileStorageOptions { Directory = path, SegmentBytes = 16_000 }),
        MaintenanceInterval = TimeSpan.FromHours(1),
    });
}
