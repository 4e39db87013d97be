using OrleansMq.Conformance;
using OrleansMq.Conformance.Broker;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>A series is sent at its times, once each, whoever is alive.</summary>
public sealed class RecurringTests : BrokerContract
{
    private static readonly TimeZoneInfo Berlin = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");

    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);

    [Fact]
    public Task EveryOccurrenceIsDeliveredOnceThoughTwoSendIt() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using (Series(broker, "0 * * * *"))
        await using (Series(broker, "0 * * * *"))
            await Time.Pass(TimeSpan.FromMinutes(190));

        // The clock began at midnight.
        Assert.Equal(["01:00", "02:00", "03:00"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task NobodyNeedBeAliveWhenItIsDue() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using (Series(broker, "0 * * * *"))
            await Time.Pass(TimeSpan.FromSeconds(1));

        await Time.Pass(TimeSpan.FromHours(5) + TimeSpan.FromMinutes(1));
        await using (Series(broker, "0 * * * *"))
            await Time.Pass(TimeSpan.FromHours(1));

        Assert.Equal(["01:00", "02:00", "03:00", "04:00", "05:00", "06:00"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task WhatIsScheduledCanBeTakenBack() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var series = Series(broker, "0 0 * * * *");
        await Time.Pass(TimeSpan.FromSeconds(1));
        await series.DisposeAsync();

        Assert.Equal(24, await series.CancelAhead());

        Assert.Empty((await broker.ListScheduled("t")).Items);
    });

    [Fact]
    public Task AMonthlySeriesIsScheduledTwoAhead() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using (Series(broker, "30 4 1 * *"))
            await Time.Pass(TimeSpan.FromSeconds(1));

        Assert.Equal(["s@2026-01-01T04:30:00Z", "s@2026-02-01T04:30:00Z"], (await broker.ListScheduled("t")).Items.Select(each => each.Id).Order());
    });

    [Fact]
    public Task TheZoneMovesItWithSummerTime() => Story(async broker =>
    {
        await using var series = new RecurringProducer(broker, "t", "s", "0 9 * * *", _ => new Message(), new() { Zone = Berlin }, Time);

        var around = series.After(new DateTimeOffset(2026, 3, 27, 12, 0, 0, TimeSpan.Zero)).Take(3).Select(at => at.UtcDateTime.Hour);

        // On 29 March the clocks move from UTC+1 to UTC+2.
        Assert.Equal([8, 7, 7], around);
    });

    [Theory]
    [InlineData("", "0 9 * * *")]
    [InlineData("not a name!", "0 9 * * *")]
    [InlineData("s", "never")]
    [InlineData("s", "61 9 * * *")]
    public Task WhatCannotBeIsRefusedAtOnce(string name, string cron) => Story(async broker =>
    {
        await Assert.ThrowsAsync<ArgumentException>(async () => await new RecurringProducer(broker, "t", name, cron, _ => new Message(), time: Time).DisposeAsync());
    });

    private RecurringProducer Series(IBroker broker, string cron) =>
        new(broker, "t", "s", cron, at => Text(at.ToString("HH:mm", System.Globalization.CultureInfo.InvariantCulture)), time: Time);
}
