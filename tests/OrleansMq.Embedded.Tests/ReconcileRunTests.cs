using System.Text.Json.Nodes;
using Xunit;

namespace OrleansMq.Embedded.Tests;

public sealed class ReconcileRunTests
{
    private static readonly DateTimeOffset Due = new(2030, 1, 1, 5, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task DeadLettersAtTheirLimitHideNoneBehindThem()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await Declare(broker);
        await Kill(broker, "a", "b", "c", "d");
        await broker.Redrive("t", "g", DeadLetterSelection.All);
        await Kill(broker);
        await Kill(broker, "e", "f");

        var report = await Run(broker, maxExamined: 2);

        Assert.Equal((2, 4, false), ((int)report["redelivered"]!, (int)report["atLimit"]!, (bool)report["moreToRedeliver"]!));
        Assert.Equal(["e", "f"], (await broker.Receive("t", "g", new() { Max = 10 })).Select(each => each.BodyText).Order());
    }

    [Fact]
    public async Task ItLooksAtNoMoreThanItMayAndSaysThatThereAreMore()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await Declare(broker);
        await Kill(broker, "a", "b", "c");

        var report = await Run(broker, maxExamined: 2);

        Assert.Equal((2, true), ((int)report["redelivered"]!, (bool)report["moreToRedeliver"]!));
    }

    private static async Task Declare(EmbeddedBroker broker)
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());
    }

    /// <summary>Sends them, if any, and makes dead letters of all that there is.</summary>
    private static async Task Kill(EmbeddedBroker broker, params string[] bodies)
    {
        if (bodies.Length > 0)
            await broker.Publish("t", [.. bodies.Select(body => Message.OfText(body))]);
        var leased = await broker.Receive("t", "g", new() { Max = 10 });
        await broker.Settle("t", "g", Settlement.DeadLetter([.. leased.Select(each => each.Lease)], "broken"));
    }

    private static async Task<JsonNode> Run(EmbeddedBroker broker, int maxExamined)
    {
        var schedule = new ReconcileSchedule { Topic = "t", Group = "g", Every = TimeSpan.FromHours(1), Redeliver = [UnsettledCause.Dead], MaxRedrives = 1 };
        var run = new ReconcileRun(broker, new StoredSchedule(schedule, 0, Due), Due) { MaxExamined = maxExamined, MaxPage = 1 };
        return JsonNode.Parse((await run.Do(Due, default)).Body.Span)!;
    }
}
