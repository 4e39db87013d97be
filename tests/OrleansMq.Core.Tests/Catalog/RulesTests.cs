using OrleansMq.Core.Catalog;
using Xunit;

namespace OrleansMq.Core.Tests.Catalog;

public sealed class RulesTests
{
    private static void Refused(string code, string naming, Action act)
    {
        var refusal = Assert.Throws<MqException>(act);
        Assert.Equal(code, refusal.Code);
        Assert.Contains(naming, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheDefaultsAreValid()
    {
        Assert.Equal(new TopicSettings(), TopicRules.Create(new TopicChange()));
        GroupRules.Validate(new GroupSettings());
    }

    [Fact]
    public void EveryDefaultLiesInItsRange() =>
        Assert.All(CatalogLimits.All, limit => Assert.True(limit.Min <= limit.Max && (limit.Default is not { } value || (value >= limit.Min && value <= limit.Max)), limit.Name));

    public static TheoryData<string, TopicChange> BadTopics => new()
    {
        { "partitions is 1 to 10000; 0 was given", new() { Partitions = 0 } },
        { "retentionMs", new() { Retention = TimeSpan.FromMilliseconds(-1) } },
        { "retentionBytes", new() { RetentionBytes = 0 } },
        { "maxMessages", new() { MaxMessages = 0 } },
        { "maxBytes", new() { MaxBytes = -5 } },
        { "admit", new() { Admit = -1 } },
        { "ratePerSecond", new() { RatePerSecond = 0 } },
        { "ratePerSecond is 0.000001 to 1000000000; NaN was given", new() { RatePerSecond = double.NaN } },
        { "producerRatePerSecond", new() { ProducerRatePerSecond = double.PositiveInfinity } },
        { "maxMessageBytes is at most maxBatchBytes; 5000 and 4000", new() { MaxMessageBytes = 5000, MaxBatchBytes = 4000 } },
        { "maxBatchBytes", new() { MaxBatchBytes = (64 << 20) + 1 } },
        { "tokens.count", new() { TokenCount = 10_000_001 } },
        { "tokens.ageMs is 1 to 604800000; 604800001 was given", new() { TokenAge = TimeSpan.FromDays(7) + TimeSpan.FromMilliseconds(1) } },
        { "whenFull", new() { WhenFull = (WhenFull)9 } },
        { "acks", new() { Acks = (Acks)9 } },
    };

    [Theory]
    [MemberData(nameof(BadTopics))]
    public void ATopicOutOfRangeIsRefusedByTheNameOfItsField(string naming, TopicChange change) =>
        Refused(ErrorCodes.Malformed, naming, () => TopicRules.Create(change));

    public static TheoryData<string, GroupChange> BadGroups => new()
    {
        { "style", new() { Style = (GroupStyle)7 } },
        { "maxActive", new() { MaxActive = 0 } },
        { "maxDeliveries is 1 to 1000; 1001 was given", new() { MaxDeliveries = 1001 } },
        { "backoffMs", new() { Backoff = Change<IReadOnlyList<TimeSpan>>.To([.. Enumerable.Repeat(TimeSpan.Zero, 101)]) } },
        { "backoffMs", new() { Backoff = Change<IReadOnlyList<TimeSpan>>.To([TimeSpan.FromHours(25)]) } },
        { "leaseMs is 100 to 43200000; 50 was given", new() { Lease = TimeSpan.FromMilliseconds(50) } },
        { "maxInFlight", new() { MaxInFlight = 0 } },
        { "ratePerSecond", new() { RatePerSecond = -1 } },
        { "maxMessages", new() { MaxMessages = 0 } },
    };

    [Theory]
    [MemberData(nameof(BadGroups))]
    public void AGroupOutOfRangeIsRefusedByTheNameOfItsField(string naming, GroupChange change) =>
        Refused(ErrorCodes.Malformed, naming, () => GroupRules.Create(change));

    [Fact]
    public void AnOrderOfItsOwnIsForQueueStyle()
    {
        Assert.Equal((true, FairBy.Key), (GroupRules.Create(new() { Priority = true, FairBy = FairBy.Key }).Priority, GroupRules.Create(new() { FairBy = FairBy.Key }).FairBy));
        Refused(ErrorCodes.Conflict, "priority is for groups of style queue", () => GroupRules.Create(new() { Style = GroupStyle.Log, Priority = true }));
        Refused(ErrorCodes.Conflict, "fairBy is for groups of style queue", () => GroupRules.Create(new() { Style = GroupStyle.Log, FairBy = FairBy.Key }));
    }

    [Fact]
    public void KeysAreHeldByKeyOnly()
    {
        Assert.True(GroupRules.Create(new() { ByKey = true, HoldKeyBehindDeadLetter = true }).HoldKeyBehindDeadLetter);
        Refused(ErrorCodes.Conflict, "holdKeyBehindDeadLetter is for groups by key", () => GroupRules.Create(new() { HoldKeyBehindDeadLetter = true }));
    }

    [Fact]
    public void WhatIsNotBuiltYetSaysSo()
    {
        Refused(ErrorCodes.Malformed, "compact", () => TopicRules.Create(new() { Compact = true, WhenFull = WhenFull.DropOldest }));
        Refused(ErrorCodes.NotAvailable, "compact", () => TopicRules.CheckStorage(new() { Compact = true }, canRewrite: false));
        Refused(ErrorCodes.NotAvailable, "maxActive", () => GroupRules.Create(new() { MaxActive = 2 }));
    }

    [Fact]
    public void PartitionsGrowByMultiples()
    {
        Assert.Equal(6, TopicRules.Change(new TopicSettings { Partitions = 2 }, new() { Partitions = 6 }).Partitions);
        Refused(ErrorCodes.Conflict, "grow by multiples", () => TopicRules.Change(new TopicSettings { Partitions = 4 }, new() { Partitions = 6 }));
        Refused(ErrorCodes.Conflict, "can't shrink", () => TopicRules.CheckGrowth(4, 2, breakKeyOrder: true));
        Refused(ErrorCodes.Malformed, "partitions is 1 to 10000; 10004 was given", () => TopicRules.CheckGrowth(4, 10_004, breakKeyOrder: true));
        TopicRules.CheckGrowth(4, 4, breakKeyOrder: false);
        TopicRules.CheckGrowth(4, 5, breakKeyOrder: true);
    }

    [Fact]
    public void WhatDoesNotFitWhatIsThereIsAConflict()
    {
        Refused(ErrorCodes.Conflict, "can't shrink", () => TopicRules.Change(new TopicSettings { Partitions = 4 }, new() { Partitions = 2 }));
        Refused(ErrorCodes.Conflict, "style can't change", () => GroupRules.Change(new GroupSettings(), new() { Style = GroupStyle.Log }));
        Refused(ErrorCodes.Conflict, "byKey can't change", () => GroupRules.Change(new GroupSettings(), new() { ByKey = true }));
        Refused(ErrorCodes.Conflict, "byKey is for", () => GroupRules.Create(new() { ByKey = true, Style = GroupStyle.Log }));
    }

    [Fact]
    public void AChangeKeepsWhatItLeavesAlone() =>
        Assert.Equal(new TopicSettings { Partitions = 4, MaxBytes = 9 }, TopicRules.Change(new TopicSettings { Partitions = 4 }, new() { MaxBytes = 9 }));
}
