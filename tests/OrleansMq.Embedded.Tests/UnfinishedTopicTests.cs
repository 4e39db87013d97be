using OrleansMq.Conformance;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Disk;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>Wherever a process ends while it makes or deletes a topic: the next start leaves the topic whole or nothing of it.</summary>
public sealed class UnfinishedTopicTests
{
    private SimDisk _disk = new(1);
    private readonly List<string> _reports = [];

    [Fact]
    public void ATopicThatIsMadeIsThereOrNothingOfIt() => EachCallIsTheLast(
        static broker => Task.CompletedTask,
        static async broker => await broker.PutTopic("t", new() { Partitions = 2 }));

    [Fact]
    public void ATopicThatIsDeletedIsThereOrNothingOfIt() => EachCallIsTheLast(
        static async broker =>
        {
            await broker.PutTopic("t", new() { Partitions = 2, Admit = 5 });
            await broker.PutGroup("t", "g", new());
            await broker.Publish("t", [Message.OfText("a") with { Partition = 0 }]);
        },
        static async broker => await broker.DeleteTopic("t"));

    /// <summary>A folder whose documents were lost is no reason to throw messages away.</summary>
    [Fact]
    public void ALogWithMessagesIsKeptThoughItsTopicHasNoDocument() => StoryThread.Run(async () =>
    {
        var broker = await Open();
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Message.OfText("a")]);
        await broker.DisposeAsync();
        foreach (var (path, _) in _disk.FilesBelow("/data/documents"))
            if (_disk.ContentOf(path).AsSpan().IndexOf("topics/t{"u8) >= 0)
                _disk.Remove(path);
        // Else the file that is gone is damage, and nothing is looked for.
        _disk.Remove("/data/documents/ends");
        var logs = Logs();

        await (await Open()).DisposeAsync();

        Assert.NotEmpty(logs);
        Assert.Equal(logs, Logs());
        Assert.Contains(_reports, report => report.Contains("holds messages and has no document", StringComparison.Ordinal));
    });

    /// <summary>The call at which everything ends moves through the act, until the act gets through.</summary>
    private void EachCallIsTheLast(Func<IBroker, Task> before, Func<IBroker, Task> act) => StoryThread.Run(async () =>
    {
        for (var last = 1; ; last++)
        {
            _disk = new SimDisk(last);
            var broker = await Open();
            await broker.PutTopic("other", new());
            await before(broker);
            var end = _disk.Calls + last;
            var cut = false;
            _disk.Fault = call => call.Number >= end && (cut = true) ? DiskError.Failed : null;
            await Try(() => act(broker));
            _disk.Fault = null;
            _disk.Crash(last);

            await using var again = await Open();
            var names = (await again.ListTopics()).Items.Select(name => name.Text).ToList();
            foreach (var name in names)
                Assert.All((await again.DescribeTopic(name)).Partitions, partition => Assert.Null(partition.Error));
            Assert.Contains("other", names);
            Assert.True(names.Count == Logs().Select(path => path.Split('/')[3]).Distinct().Count(), $"after call {last}: topics {string.Join(", ", names)}; logs:\n{string.Join("\n", Logs())}");
            // What was left does not stand in the way of the same name.
            Assert.Equal(2, (await again.PutTopic("t", new() { Partitions = 2 })).Partitions.Count);
            await again.DeleteTopic("t");
            Assert.Single(Logs().Select(path => path.Split('/')[3]).Distinct());
            if (!cut)
            {
                Assert.True(last > 10);
                return;
            }
        }
    });

    private List<string> Logs() => [.. _disk.FilesBelow("/data/logs").Select(file => file.Path)];

    private static async Task Try(Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (MqException)
        {
            // Whether it was done is what the next start says.
        }
    }

    private async Task<EmbeddedBroker> Open() => await EmbeddedBroker.Start(new EmbeddedOptions
    {
        Storage = new FileStorage(new FileStorageOptions { Directory = "/data" }, _disk, new InlineIo()),
        Time = new ManualTime(),
        OnReport = _reports.Add,
    });
}
