using OrleansMq.Conformance;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>What only the embedded host promises.</summary>
public sealed class EmbeddedHostTests
{
    [Fact]
    public void AGroupMadeByFirstUseLapsesAfterAWeekUnusedAndADeclaredOneStays() => StoryThread.Run(async () =>
    {
        var time = new ManualTime();
        await using var broker = await EmbeddedBroker.InMemory(time);
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "declared", new());
        await broker.Receive("t", "first-use", new());

        time.Advance(TimeSpan.FromDays(6));
        await time.Until(Groups(broker, "declared", "first-use"));
        time.Advance(TimeSpan.FromDays(2));
        await time.Until(Groups(broker, "declared"));
    });

    private static async Task Groups(EmbeddedBroker broker, params string[] expected) =>
        Assert.Equal(expected, (await broker.ListGroups("t")).Items.Select(name => name.Text));

    [Fact]
    public async Task AStartThatFailsLetsGoOfItsStorage()
    {
        var storage = new BrokenStorage();

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage }));

        Assert.True(storage.IsDisposed);
    }

    [Fact]
    public async Task ADamagedTransactionIsSaidAndKeepsNothingElseFromBeingServed()
    {
        var folder = Directory.CreateTempSubdirectory("omq-start-").FullName;
        try
        {
            await using (var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Data = folder }))
            {
                await broker.PutTopic("t", new());
                await broker.Publish("t", [Message.OfText("a")]);
                await broker.Transactions.Open("tx", TimeSpan.FromMinutes(1));
            }

            Assert.True(Damage(folder, "transactions/tx{") > 0);
            var reports = new List<string>();

            await using var again = await EmbeddedBroker.Start(new EmbeddedOptions { Data = folder, OnReport = reports.Add });

            Assert.Contains(reports, report => report.Contains("transactions", StringComparison.Ordinal) && report.Contains("does not read back", StringComparison.Ordinal));
            Assert.Equal("a", Assert.Single(await again.ReadAll("t")).BodyText);
            await Assert.ThrowsAsync<MqException>(async () => await again.Transactions.Open("tx", TimeSpan.FromMinutes(1)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <returns>How many documents.</returns>
    private static int Damage(string folder, string begin)
    {
        var damaged = 0;
        foreach (var file in Directory.GetFiles(Path.Join(folder, "documents"), "*.docs"))
        {
            var bytes = File.ReadAllBytes(file);
            var text = System.Text.Encoding.UTF8.GetBytes(begin);
            for (var at = bytes.AsSpan().IndexOf(text); at >= 0; at = bytes.AsSpan().IndexOf(text))
            {
                bytes[at + text.Length - 1] ^= 1;
                damaged++;
            }

            File.WriteAllBytes(file, bytes);
        }

        return damaged;
    }

    /// <summary>Its documents can't be asked for.</summary>
    private sealed class BrokenStorage : IStorage, IDocuments
    {
        public bool IsDisposed { get; private set; }

        public IDocuments Documents => this;

        public ValueTask<Document?> Get(string key) => throw Broken;

        public ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion) => throw Broken;

        public ValueTask Delete(string key, long expectedVersion) => throw Broken;

        public ValueTask CreateLog(LogId id, LogDefinition definition) => throw Broken;

        public ValueTask<IPartitionLog> OpenLog(LogId id) => throw Broken;

        public ValueTask DeleteLog(LogId id) => throw Broken;

        public ValueTask DisposeAsync()
        {
            IsDisposed = true;
            return default;
        }

        private static InvalidOperationException Broken => new("broken");
    }

    [Theory]
    [InlineData("consumer")]
    [InlineData("request id")]
    [InlineData("wait")]
    [InlineData("max")]
    public async Task AReceiveThatCantBeIsRefusedAndThePartitionGoesOn(string what)
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Message.OfText("a")]);
        var request = what switch
        {
            "consumer" => new ReceiveRequest { Consumer = new string('c', 257) },
            "request id" => new ReceiveRequest { RequestId = new string('r', 257) },
            "wait" => new ReceiveRequest { Wait = TimeSpan.FromSeconds(-1) },
            _ => new ReceiveRequest { Max = 10_001 },
        };

        var refusal = await Assert.ThrowsAsync<MqException>(async () => await broker.Receive("t", "g", request));

        Assert.Equal(ErrorCodes.Malformed, refusal.Code);
        Assert.Single(await broker.Receive("t", "g", new ReceiveRequest { Consumer = new string('c', 256), RequestId = new string('r', 256) }));
    }

    [Fact]
    public async Task TheFiguresTellLagLeasesDeadLettersAndTokens()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Message.OfText("a") with { Token = "1" }, Message.OfText("b"), Message.OfText("c")]);
        var leased = await broker.Receive("t", "g", new ReceiveRequest { Max = 2 });
        await broker.Settle("t", "g", Settlement.DeadLetter([leased[0].Lease], "no"));

        using var text = new StringWriter();
        await broker.WriteMetrics(text, CancellationToken.None);

        var lines = text.ToString().Split('\n');
        Assert.Contains("orleansmq_partition_end_offset{topic=\"t\",partition=\"0\"} 3", lines);
        Assert.Contains("orleansmq_partition_tokens{topic=\"t\",partition=\"0\"} 1", lines);
        Assert.Contains("orleansmq_group_lag{topic=\"t\",group=\"g\",partition=\"0\"} 2", lines);
        Assert.Contains("orleansmq_group_in_flight{topic=\"t\",group=\"g\",partition=\"0\"} 1", lines);
        Assert.Contains("orleansmq_group_dead_letters{topic=\"t\",group=\"g\",partition=\"0\"} 1", lines);
    }
}
