using System.Text;
using OrleansMq.Conformance;
using Xunit;

namespace OrleansMq.AdoNet.Tests;

/// <summary>What an outbox promises to the application's transactions.</summary>
public sealed class OutboxTests(PostgresServer server) : DatabaseStory(server)
{
    private static readonly string[] First = ["1"];

    [Fact]
    public async Task WhatIsCommittedIsSentAndGoneFromTheTable()
    {
        var outbox = new Outbox(Database);
        await using var relay = new OutboxRelay(outbox, Broker);
        await InTransaction(async transaction =>
        {
            await Effect(transaction, "paid");
            await outbox.Add(transaction, "orders", Message.OfText("1"));
        });
        relay.Wake();

        Assert.Equal(First, await Receive(1));
        await LanesAreFree();
        Assert.Equal(new OutboxFigures(0, null, 0), await outbox.Describe());
    }

    [Fact]
    public async Task WhatIsRolledBackIsNeverSent()
    {
        var outbox = new Outbox(Database);
        await using (var connection = await Database.OpenConnectionAsync())
        await using (var transaction = await connection.BeginTransactionAsync())
            await outbox.Add(transaction, "orders", Message.OfText("never"));
        await InTransaction(transaction => outbox.Add(transaction, "orders", Message.OfText("1")));

        await using var relay = new OutboxRelay(outbox, Broker);
        Assert.Equal(First, await Receive(1));
        Assert.Equal(First, await Stored());
    }

    [Fact]
    public async Task ASlowTransactionWithALowerIdIsNotSkipped()
    {
        var outbox = new Outbox(Database);
        await using var relay = new OutboxRelay(outbox, Broker, new() { LookEvery = TimeSpan.FromMilliseconds(10) });
        await using var connection = await Database.OpenConnectionAsync();
        await using var slow = await connection.BeginTransactionAsync();
        await outbox.Add(slow, "orders", Message.OfText("slow", key: "k"));
        await InTransaction(transaction => outbox.Add(transaction, "orders", Message.OfText("fast", key: "k")));

        // The higher id is with the broker and gone before the lower one is there to be seen.
        Assert.Equal(["fast"], await Receive(1));
        await LanesAreFree();
        Assert.Equal(0, (await outbox.Describe()).Waiting);
        await slow.CommitAsync();

        Assert.Equal(["slow"], await Receive(1));
    }

    [Fact]
    public async Task MessagesOfOneTransactionKeepTheirOrder()
    {
        var outbox = new Outbox(Database, new() { Order = OutboxOrder.Topic });
        var messages = Enumerable.Range(0, 1_234).Select(i => Message.OfText($"{i}", key: $"{i % 7}")).ToList();
        await InTransaction(transaction => outbox.Add(transaction, "orders", messages));

        await using var relay = new OutboxRelay(outbox, Broker, new() { BatchMessages = 100 });
        Assert.Equal(messages.Select(message => Encoding.UTF8.GetString(message.Body.Span)), await Receive(1_234));
    }

    [Fact]
    public async Task AMessageArrivesAsItWasAdded()
    {
        var outbox = new Outbox(Database);
        var message = new Message
        {
            Key = new byte[] { 0, 255, 10 },
            Body = """{ "a" : 1.0, "b": "\u0000" }"""u8.ToArray(),
            ContentType = "application/json",
            Headers = [new("x", "1"), new("x", "2"), new("nul", "\0")],
            Token = "token",
            CorrelationId = "correlation",
            ReplyTo = "reply",
            RoutingKey = "a.b",
            Timestamp = new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero),
            TimeToLive = TimeSpan.FromHours(1),
        };
        Message[] others = [new() { Key = "gone"u8.ToArray(), Tombstone = true, Token = "tombstone" }, new() { Body = new byte[] { 0, 128 }, Token = "bytes" }];
        await InTransaction(transaction => outbox.Add(transaction, "orders", [message, .. others]));
        await using var relay = new OutboxRelay(outbox, Broker);
        await Receive(3);

        var stored = (await Broker.ReadAll("orders")).ToDictionary(each => each.Token!);
        var first = stored["token"];
        Assert.Equal(message.Key.Value.ToArray(), first.Key!.Value.ToArray());
        Assert.Equal(message.Body.ToArray(), first.Body.ToArray());
        Assert.Equal(message.Headers, first.Headers);
        Assert.Equal(
            (message.ContentType, message.CorrelationId, message.ReplyTo, message.RoutingKey, message.Timestamp, message.TimeToLive),
            (first.ContentType, first.CorrelationId, first.ReplyTo, first.RoutingKey, first.Timestamp, first.TimeToLive));
        Assert.True(stored["tombstone"].Tombstone);
        Assert.Equal([0, 128], stored["bytes"].Body.ToArray());
    }

    [Fact]
    public async Task AMessageWithoutATokenIsGivenOne()
    {
        var outbox = new Outbox(Database);
        var token = "";
        await InTransaction(async transaction => token = await outbox.Add(transaction, "orders", Message.OfText("1")));
        await using var relay = new OutboxRelay(outbox, Broker);
        await Receive(1);
        Assert.Equal(token, (await Broker.ReadAll("orders")).Single().Token);
        Assert.NotEmpty(token);
    }

    [Fact]
    public async Task WhatCanNotBeSentIsRefusedBeforeItIsWritten()
    {
        var outbox = new Outbox(Database);
        await InTransaction(async transaction =>
        {
            foreach (var wrong in new[] { Message.OfText("x") with { Half = new HalfTerms("g") }, Message.OfText("x") with { Tombstone = true }, Message.OfText("x") with { Token = new string('t', 257) } })
                Assert.Equal(ErrorCodes.Malformed, (await Assert.ThrowsAsync<MqException>(() => outbox.Add(transaction, "orders", wrong))).Code);
        });
        Assert.Equal(0, (await outbox.Describe()).Waiting);
    }

    [Fact]
    public async Task AFinishedTransactionIsSaid()
    {
        var outbox = new Outbox(Database);
        await using var connection = await Database.OpenConnectionAsync();
        var transaction = await connection.BeginTransactionAsync();
        await transaction.RollbackAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => outbox.Add(transaction, "orders", Message.OfText("x")));
    }

    [Fact]
    public async Task TheOldestThatWaitsIsTold()
    {
        var clock = new ManualTime();
        var outbox = new Outbox(Database, time: clock);
        await InTransaction(transaction => outbox.Add(transaction, "orders", Message.OfText("1")));
        clock.Advance(TimeSpan.FromMinutes(1));
        await InTransaction(transaction => outbox.Add(transaction, "orders", Message.OfText("2")));
        Assert.Equal(new OutboxFigures(2, clock.GetUtcNow() - TimeSpan.FromMinutes(1), 0), await outbox.Describe());
    }
}
