using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>What stands in the topic of schedules and is none takes no more memory than it may.</summary>
public sealed class ScheduleTableTests
{
    [Fact]
    public async Task WhatCannotBeReadIsRememberedUpToItsLimit()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic(ReconcileSchedules.Topic, ScheduleTopics.Settings);
        var wrong = Enumerable.Range(0, ScheduleTable.MaxUnread + 10).Select(number => Message.OfText("nonsense", $"t/g{number}"));
        foreach (var part in wrong.Append(Message.OfText("nonsense", new string('k', ScheduleTable.MaxKeyBytes + 1))).Chunk(100))
            await broker.Publish(ReconcileSchedules.Topic, part);
        var table = new ScheduleTable(broker);

        var faults = await table.Read(default);

        Assert.Equal((ScheduleTable.MaxUnread, ScheduleTable.MaxUnread + 11L), (table.Unread, faults.Count));
        Assert.True(table.CannotRead("t", "g0", 0));
    }

    [Fact]
    public async Task AKeyThatIsTooLongIsNotRemembered()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic(ReconcileSchedules.Topic, ScheduleTopics.Settings);
        await broker.Publish(ReconcileSchedules.Topic, [Message.OfText("nonsense", new string('k', ScheduleTable.MaxKeyBytes + 1))]);
        var table = new ScheduleTable(broker);

        var faults = await table.Read(default);

        Assert.Equal((0, 1L), (table.Unread, faults.Count));
    }

    [Fact]
    public async Task ATopicOfTheBrokersOwnIsNotNamedByOneThatCounts()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic(ReconcileSchedules.Topic, ScheduleTopics.Settings);
        await broker.Publish(ReconcileSchedules.Topic,
        [
            Message.OfText("""{"topic":"t","group":"g","everyMs":60000,"reportTo":"_orleansmq.audit"}""", "t/g"),
            Message.OfText("""{"topic":"_orleansmq.audit","group":"g","everyMs":60000}""", "_orleansmq.audit/g"),
            Message.OfText("""{"topic":"t","group":"h","everyMs":60000,"reportTo":"_orleansmq.reports"}""", "t/h"),
        ]);
        var table = new ScheduleTable(broker);

        await table.Read(default);

        Assert.Equal("h", Assert.Single(table.Schedules).Schedule.Group.Text);
    }
}
