using System.Text;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;
using OrleansMq.Core.Snapshots;
using Xunit;

namespace OrleansMq.Core.Tests.Catalog;

public sealed class DocumentTests
{
    private const string GoldenTopic =
        """{"version":1,"name":"orders","id":"00112233-4455-6677-8899-aabbccddeeff","createdAtMs":1700000000000,"settings":{"partitions":4,"acks":"durable","keepUnsettled":true,"retentionMs":604800000,"whenFull":"dropOldest","ratePerSecond":2.5,"maxMessageBytes":1048576,"maxBatchBytes":4194304,"tokenCount":1000000,"tokenAgeMs":600000,"compact":false}}""";

    private const string GoldenGroup =
        """{"version":1,"name":"billing","id":"00112233-4455-6677-8899-aabbccddeeff","declared":true,"createdAtMs":5,"lastUsedMs":6,"settings":{"style":"log","byKey":false,"maxActive":1,"from":"time","fromValue":777,"maxDeliveries":16,"backoffMs":[1000,2000],"leaseMs":30000,"maxInFlight":20000,"paused":false,"whenExpired":"skip","holdKeyBehindDeadLetter":false},"generation":2,"members":[{"member":"a","sessionTimeoutMs":10000,"order":1},{"member":"b","sessionTimeoutMs":10000,"order":0}]}""";

    [Fact]
    public void ATopicIsStoredAsDrawn()
    {
        var document = new TopicDocument
        {
            Name = "orders",
            Id = new Guid("00112233-4455-6677-8899-aabbccddeeff"),
            CreatedAtMs = 1_700_000_000_000,
            Settings = new TopicSettings { Partitions = 4, Acks = Acks.Durable, WhenFull = WhenFull.DropOldest, RatePerSecond = 2.5 },
        };
        Assert.Equal(GoldenTopic, Encoding.UTF8.GetString(document.ToJson()));
        Assert.Equal(document, TopicDocument.FromJson(document.ToJson()));
    }

    /// <summary>A topic that says nothing of it is stored as before there was any: the golden document above.</summary>
    [Fact]
    public void HowATopicIsCompactedIsStoredAsDrawn()
    {
        var document = new TopicDocument
        {
            Name = "t", Id = Guid.Empty, CreatedAtMs = 1, Settings = new TopicSettings { Compact = true, CompactDirtyRatio = 0.25, CompactMinAge = TimeSpan.FromMinutes(5), TombstoneAge = TimeSpan.Zero },
        };
        Assert.EndsWith(""","compact":true,"compactDirtyRatio":0.25,"compactMinAgeMs":300000,"tombstoneAgeMs":0}}""", Encoding.UTF8.GetString(document.ToJson()), StringComparison.Ordinal);
        Assert.Equal(document, TopicDocument.FromJson(document.ToJson()));
    }

    [Fact]
    public void AGrowthIsStoredAsDrawn()
    {
        var growing = new TopicDocument { Name = "t", Id = new Guid("00112233-4455-6677-8899-aabbccddeeff"), CreatedAtMs = 1, Settings = new TopicSettings { Partitions = 2 }, Growing = 4 };
        Assert.EndsWith(""","compact":false},"growing":4}""", Encoding.UTF8.GetString(growing.ToJson()), StringComparison.Ordinal);
        Assert.Equal((2, 4, 4), (TopicDocument.FromJson(growing.ToJson()).Settings.Partitions, growing.Growing, growing.Logs));

        var grown = TopicDocument.FromJson(growing.ToJson()).Grown(7);
        Assert.EndsWith(""","compact":false},"earlier":[{"partitions":2,"untilMs":7}]}""", Encoding.UTF8.GetString(grown.ToJson()), StringComparison.Ordinal);
        var read = TopicDocument.FromJson(grown.ToJson());
        Assert.Equal((4, null, 4), (read.Settings.Partitions, read.Growing, read.Logs));
        Assert.Equal([new EarlierCount(2, 7)], read.Earlier);
    }

    [Fact]
    public void AFilterIsStoredAsItsTextAndOneThatIsNotUnderstoodIsNotTakenForNone()
    {
        var document = new GroupDocument
        {
            Name = "g", Id = Guid.Empty, Declared = true, CreatedAtMs = 5, LastUsedMs = 6, Membership = new Membership(), Settings = new GroupSettings { Filter = "n > 5" },
        };
        var json = Encoding.UTF8.GetString(document.ToJson());

        Assert.Equal("n > 5", GroupDocument.FromJson(document.ToJson(), 0).Settings.Filter);
        Assert.ThrowsAny<Exception>(() => GroupDocument.FromJson(Encoding.UTF8.GetBytes(json.Replace(" 5", " FOR EVER", StringComparison.Ordinal)), 0));
    }

    /// <summary>A group that has none is stored as before there were any: the golden document above.</summary>
    [Fact]
    public void AnOrderOfItsOwnIsStoredAsDrawn()
    {
        var document = new GroupDocument
        {
            Name = "g", Id = Guid.Empty, Declared = true, CreatedAtMs = 5, LastUsedMs = 6, Membership = new Membership(), Settings = new GroupSettings { Priority = true, FairBy = FairBy.Header("tenant") },
        };
        Assert.Contains(""","holdKeyBehindDeadLetter":false,"priority":true,"fairBy":"header:tenant"},""", Encoding.UTF8.GetString(document.ToJson()), StringComparison.Ordinal);
        Assert.Equal((true, FairBy.Header("tenant")), (GroupDocument.FromJson(document.ToJson(), 0).Settings.Priority, GroupDocument.FromJson(document.ToJson(), 0).Settings.FairBy));
    }

    [Fact]
    public void WhatAGroupSharesIsStoredAsDrawn()
    {
        var document = new GroupDocument
        {
            Name = "g", Id = Guid.Empty, Declared = false, CreatedAtMs = 5, LastUsedMs = 6, Membership = new Membership(), Settings = new GroupSettings(), SharedOf = 4, Held = [2, 3],
        };
        Assert.EndsWith(""","members":[],"sharedOf":4,"held":[2,3]}""", Encoding.UTF8.GetString(document.ToJson()), StringComparison.Ordinal);
        var read = GroupDocument.FromJson(document.ToJson(), 0);
        Assert.Equal(4, read.SharedOf);
        Assert.Equal([2, 3], read.Held);
    }

    [Fact]
    public void AGroupIsStoredAsDrawnAndItsMembersGetFreshSessions()
    {
        var membership = new Membership();
        membership.Join("b", TimeSpan.FromSeconds(10), 0);
        membership.Join("a", TimeSpan.FromSeconds(10), 0);
        var document = new GroupDocument
        {
            Name = "billing",
            Id = new Guid("00112233-4455-6677-8899-aabbccddeeff"),
            Declared = true,
            CreatedAtMs = 5,
            LastUsedMs = 6,
            Membership = membership,
            Settings = new GroupSettings { Style = GroupStyle.Log, MaxActive = 1, From = StartAt.Time(DateTimeOffset.FromUnixTimeMilliseconds(777)), Backoff = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)] },
        };
        Assert.Equal(GoldenGroup, Encoding.UTF8.GetString(document.ToJson()));
        var loaded = GroupDocument.FromJson(document.ToJson(), 1_000_000);
        Assert.Equal(1_010_000, loaded.Membership.NextDeadline);
        Assert.Equal([0, 1], loaded.Membership.AssignmentOf("b", 2, 1).Partitions);
        Assert.True(loaded.Membership.Join("c", TimeSpan.FromSeconds(10), 1_000_000));
        Assert.Equal((3, document.Id), (loaded.Membership.Generation, loaded.Id));
        Assert.Equal(document.Settings.Backoff, loaded.Settings.Backoff);
        Assert.Equal(document.Settings with { Backoff = [] }, loaded.Settings with { Backoff = [] });
    }

    [Fact]
    public void FieldsOfANewerProgramArePassedOverAndMissingOnesHaveTheirDefaults()
    {
        var json = """{"version":1,"name":"orders","id":"00112233-4455-6677-8899-aabbccddeeff","colour":"red","settings":{"partitions":2,"shape":{}}}""";
        Assert.Equal(new TopicSettings { Partitions = 2 }, TopicDocument.FromJson(Encoding.UTF8.GetBytes(json)).Settings);
    }

    [Theory]
    [InlineData("""{"version":2,"name":"orders","id":"00112233-4455-6677-8899-aabbccddeeff"}""", "version 2")]
    [InlineData("""{"version":1,"name":"or/ders","id":"00112233-4455-6677-8899-aabbccddeeff"}""", "or/ders")]
    [InlineData("""{"version":1,"name":null,"id":"00112233-4455-6677-8899-aabbccddeeff"}""", "can't be read")]
    [InlineData("""{"version":1,"name":"orders"}""", "can't be read")]
    [InlineData("""{"version":1,"name":"orders","id":"00112233-4455-6677-8899-aabbccddeeff","settings":{"whenFull":"explode"}}""", "can't be read")]
    [InlineData("""{"version":1,"name":"orders","id":"00112233-4455-6677-8899-aabbccddeeff","settings":{"retentionMs":9223372036854775807}}""", "can't be")]
    [InlineData("""{"version":1,"name":"orders","id":"00112233-4455-6677-8899-aabbccddeeff","settings":{"partitions":2},"growing":2}""", "can't be")]
    [InlineData("""{"version":1,"name":"orders","id":"00112233-4455-6677-8899-aabbccddeeff","settings":{"partitions":4},"earlier":[{"partitions":2},{"partitions":2}]}""", "can't be")]
    [InlineData("""{"version":1,"na""", "can't be read")]
    [InlineData("", "can't be read")]
    public void ADocumentThatCannotBeIsRefused(string json, string naming) =>
        Assert.Contains(naming, Assert.Throws<StateFormatException>(() => TopicDocument.FromJson(Encoding.UTF8.GetBytes(json))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"version":1,"name":"g","members":[null]}""")]
    [InlineData("""{"version":1,"name":"g","members":[{"member":"a"}]}""")]
    [InlineData("""{"version":1,"name":"g","settings":{"backoffMs":null}}""")]
    [InlineData("""{"version":1,"name":"g","settings":{"from":"offset","fromValue":-1}}""")]
    [InlineData("""{"version":1,"name":"g","generation":-1}""")]
    [InlineData("""{"version":1,"name":"g","sharedOf":4,"held":[4]}""")]
    [InlineData("""{"version":1,"name":"g","held":[1]}""")]
    [InlineData("""{"version":1,"name":"g","settings":{"fairBy":"tenant"}}""")]
    public void AGroupThatCannotBeIsRefused(string json) =>
        Assert.Throws<StateFormatException>(() => GroupDocument.FromJson(Encoding.UTF8.GetBytes(json), 0));

    [Fact]
    public void NamesAreSortedAndTheirShardNeverChanges()
    {
        var index = NameIndex.Empty.With("b").With("a").With("B").With("c").Without("c");
        Assert.Equal("""{"version":1,"names":["B","a","b"]}""", Encoding.UTF8.GetString(index.ToJson()));
        Assert.Equal(index.Names, NameIndex.FromJson(index.ToJson()).Names);
        Assert.Equal((22, 237, 231), (NameIndex.ShardOf("orders"), NameIndex.ShardOf("a"), NameIndex.ShardOf("payments.eu")));
    }

    [Fact]
    public void NamesSpreadOverTheShards()
    {
        var counts = new int[NameIndex.Shards];
        for (var i = 0; i < 25_600; i++)
            counts[NameIndex.ShardOf($"orders-{i}")]++;
        Assert.InRange(counts.Max(), 100, 200);
    }

    [Fact]
    public void PagesGoOverAllShardsInOrder()
    {
        NameIndex[] shards = [NameIndex.Empty.With("x-1").With("x-4"), NameIndex.Empty.With("x-2").With("y"), NameIndex.Empty.With("x-3")];
        var first = NameIndex.PageOf(shards, "x-", null, 3);
        Assert.Equal(["x-1", "x-2", "x-3"], first.Items);
        Assert.Equal("x-3", first.Next);
        var second = NameIndex.PageOf(shards, "x-", first.Next, 3);
        Assert.Equal(["x-4"], second.Items);
        Assert.Null(second.Next);
    }
}
