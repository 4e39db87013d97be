using Xunit;

namespace OrleansMq.AdoNet.Tests;

/// <summary>The tables and who may make them.</summary>
[Collection(PostgresTests.Name)]
public sealed class MqTablesTests(PostgresServer server)
{
    [Fact]
    public async Task ManyProcessesMayMakeTheTablesAtOnce()
    {
        await using var database = await server.NewDatabase();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => new MqTables().EnsureCreated(database)));
        await using var lanes = database.CreateCommand("select count(*) from mq_outbox_lane");
        Assert.Equal((long)OutboxLanes.Count, await lanes.ExecuteScalarAsync());
    }

    [Fact]
    public async Task TablesMayStandInASchemaUnderAnyPrefix()
    {
        await using var database = await server.NewDatabase();
        await using var schema = database.CreateCommand("create schema billing");
        await schema.ExecuteNonQueryAsync();
        var tables = new MqTables { Prefix = "billing.q_" };
        await tables.EnsureCreated(database);
        await tables.EnsureCreated(database);
        var inbox = new Inbox(database, "c", new() { Tables = tables });
        Assert.True(await inbox.Once("a", (_, _) => Task.CompletedTask));
        Assert.False(await inbox.Once("a", (_, _) => Task.CompletedTask));
    }

    [Theory]
    [InlineData("mq; drop table x --")]
    [InlineData("")]
    [InlineData("Mq_")]
    [InlineData("a.b.c_")]
    [InlineData("mq_\n")]
    public void APrefixIsNothingButAName(string prefix) => Assert.Throws<ArgumentException>(() => new MqTables { Prefix = prefix });
}
