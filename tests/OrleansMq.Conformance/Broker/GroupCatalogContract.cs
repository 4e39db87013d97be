using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Groups as things that are declared, changed, listed and deleted, and which settings are refused.</summary>
public abstract class GroupCatalogContract : BrokerContract
{
    [Fact]
    public Task ADeclarationIsChangedFieldByField() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var made = await broker.PutGroup("t", "g", new() { MaxDeliveries = 3 });

        var changed = await broker.PutGroup("t", "g", new() { Lease = TimeSpan.FromSeconds(5) });

        Assert.Equal((true, true, false), (made.Created, made.Declared, changed.Created));
        Assert.Equal((3, TimeSpan.FromSeconds(5)), (changed.Settings.MaxDeliveries, changed.Settings.Lease));
    });

    [Fact]
    public Task AnotherStyleOrKeyOrderIsAConflict() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new());

        await Refused(ErrorCodes.Conflict, () => broker.PutGroup("t", "g", new() { Style = GroupStyle.Log }));
        await Refused(ErrorCodes.Conflict, () => broker.PutGroup("t", "g", new() { ByKey = true }));
        await Refused(ErrorCodes.Conflict, () => broker.Join("t", "g", "m", TimeSpan.FromSeconds(10)));
    });

    public static TheoryData<string> MalformedSettings => [.. Malformed.Keys];

    private static readonly Dictionary<string, (GroupChange Change, string Code)> Malformed = new()
    {
        ["maxDeliveries 0"] = (new() { MaxDeliveries = 0 }, ErrorCodes.Malformed),
        ["lease 0"] = (new() { Lease = TimeSpan.Zero }, ErrorCodes.Malformed),
        ["backoff -1"] = (new() { Backoff = Change<IReadOnlyList<TimeSpan>>.To([TimeSpan.FromMilliseconds(-1)]) }, ErrorCodes.Malformed),
        ["maxInFlight 0"] = (new() { MaxInFlight = 0 }, ErrorCodes.Malformed),
        ["ratePerSecond 0"] = (new() { RatePerSecond = 0 }, ErrorCodes.Malformed),
        ["maxMessages 0"] = (new() { MaxMessages = 0 }, ErrorCodes.Malformed),
        ["maxBytes 0"] = (new() { MaxBytes = 0 }, ErrorCodes.Malformed),
        ["maxActive 0"] = (new() { MaxActive = 0 }, ErrorCodes.Malformed),
        ["maxActive 2"] = (new() { MaxActive = 2 }, ErrorCodes.NotAvailable),
        ["holdKeyBehindDeadLetter"] = (new() { HoldKeyBehindDeadLetter = true }, ErrorCodes.Conflict),
    };

    [Theory]
    [MemberData(nameof(MalformedSettings))]
    public Task AMalformedSettingIsRefusedByItsNameAndNothingIsMade(string setting) => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        var refusal = await Refused(Malformed[setting].Code, () => broker.PutGroup("t", "g", Malformed[setting].Change));

        Assert.Contains(setting.Split(' ')[0], refusal.Message, StringComparison.OrdinalIgnoreCase);
        await Refused(ErrorCodes.GroupUnknown, () => broker.DescribeGroup("t", "g"));
    });

    [Fact]
    public Task NothingIsDoneToAGroupThatIsNotThere() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        await Refused(ErrorCodes.GroupUnknown, () => broker.DescribeGroup("t", "g"));
        await Refused(ErrorCodes.GroupUnknown, () => broker.DeleteGroup("t", "g"));
        await Refused(ErrorCodes.GroupUnknown, () => broker.Seek("t", "g", SeekRequest.Everywhere(StartAt.Earliest)));
        await Refused(ErrorCodes.GroupUnknown, () => broker.Settle("t", "g", Settlement.Acknowledge(new LeaseId(0, 0, 1, 0, 1))));
        Assert.Empty((await broker.ListGroups("t")).Items);
    });

    [Fact]
    public Task ADeletedGroupBeginsAfresh() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));

        await broker.DeleteGroup("t", "g");

        await Refused(ErrorCodes.GroupUnknown, () => broker.DescribeGroup("t", "g"));
        Assert.Equal(1, (await ReceiveOne(broker, "t", "g")).DeliveryCount);
    });

    [Fact]
    public Task GroupsAreListedInOrderByPage() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        foreach (var name in "c a b".Split(' '))
            await broker.PutGroup("t", name, new());

        var first = await broker.ListGroups("t", max: 2);
        var second = await broker.ListGroups("t", first.Next, 2);

        Assert.Equal(["a", "b"], first.Items.Select(group => group.Text));
        Assert.Equal((1, null), (second.Items.Count, second.Next));
    });
}
