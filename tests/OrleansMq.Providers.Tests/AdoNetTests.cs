using Npgsql;
using OrleansMq.Servers;

namespace OrleansMq.Providers.Tests;

/// <summary>Microsoft.Orleans.Persistence.AdoNet on PostgreSQL, by configuration alone; who is in the cluster is in Redis.</summary>
public sealed class AdoNetTests : IAsyncLifetime
{
    // What Orleans' provider asks of a database (its packages bring no tables): the texts of its queries by name, and columns named as it reads them. Written for this test.
    private const string Tables = """
        create table grain_state (
            id_hash integer not null, n0 bigint not null, n1 bigint not null, type_hash integer not null, type text not null, ext text not null, service text not null,
            payload bytea, version integer not null,
            primary key (id_hash, type_hash, n0, n1, type, ext, service));
        create table OrleansQuery (QueryKey text primary key, QueryText text not null);
        """;

    private const string Key = """
        id_hash = @GrainIdHash and n0 = @GrainIdN0 and n1 = @GrainIdN1 and type_hash = @GrainTypeHash and type = @GrainTypeString
        and ext = coalesce(cast(@GrainIdExtensionString as text), '') and service = @ServiceId
        """;

    private static readonly (string Name, string Text)[] Queries =
    [
        ("ReadFromStorageKey", $"""select payload as "PayloadBinary", version as "Version" from grain_state where {Key}"""),
        ("WriteToStorageKey", $"""
            with changed as (
                update grain_state set payload = @PayloadBinary, version = version + 1 where {Key} and version = cast(@GrainStateVersion as integer) returning version),
            added as (
                insert into grain_state
                select @GrainIdHash, @GrainIdN0, @GrainIdN1, @GrainTypeHash, @GrainTypeString, coalesce(cast(@GrainIdExtensionString as text), ''), @ServiceId, @PayloadBinary, 1
                where cast(@GrainStateVersion as integer) is null
                on conflict do nothing returning version)
            select coalesce((select version from changed), (select version from added), cast(@GrainStateVersion as integer)) as "NewGrainStateVersion"
            """),
        ("ClearStorageKey", $"""update grain_state set payload = null, version = version + 1 where {Key} and version = cast(@GrainStateVersion as integer) returning version"""),
    ];

    private RedisProcess? _redis;
    private PostgresProcess? _postgres;

    public async Task InitializeAsync()
    {
        (_redis, _postgres) = (await RedisProcess.Start(), await PostgresProcess.Start(flushes: false));
        await using var database = NpgsqlDataSource.Create(_postgres.ConnectionString);
        await using (var tables = database.CreateCommand(Tables))
            await tables.ExecuteNonQueryAsync();
        foreach (var (name, text) in Queries)
        {
            await using var query = database.CreateCommand("insert into OrleansQuery values ($1, $2)");
            query.Parameters.Add(new() { Value = name });
            query.Parameters.Add(new() { Value = text });
            await query.ExecuteNonQueryAsync();
        }
    }

    public async Task DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (_redis is not null)
            await _redis.DisposeAsync();
        if (_postgres is not null)
            await _postgres.DisposeAsync();
    }

    [Fact]
    public async Task StateInPostgres()
    {
        await using var cluster = Cluster();

        await ProviderStories.NothingIsLostWhenSilosGoAndOthersCome(cluster);
    }

    /// <summary>This provider keeps a grain's key and not its kind, and takes "01" for the number 1.</summary>
    [Fact]
    public async Task GrainsOfAlikeKeysStayApart()
    {
        await using var cluster = Cluster();
        var silo = await cluster.StartSilo();
        var broker = await cluster.Connect();
        TopicName[] topics = ["1", "01", "a", "0a"];
        foreach (var topic in topics)
        {
            await broker.PutTopic(topic, new TopicChange());
            await broker.PutGroup(topic, topic.Text, new GroupChange());
            // A transactional id of the name too: its grain has a state of its own.
            await broker.Transactions!.Open(topic.Text, TimeSpan.FromMinutes(1));
            await broker.Publish(topic, [Message.OfText($"of {topic}")]);
        }

        await cluster.Stop(silo);
        await cluster.StartSilo();
        var after = await cluster.Connect();

        Assert.Equal(topics.Select(topic => topic.Text).Order(StringComparer.Ordinal), (await after.ListTopics()).Items.Select(topic => topic.Text).Order(StringComparer.Ordinal));
        foreach (var topic in topics)
            Assert.Equal($"of {topic}", Assert.Single(await after.Receive(topic, topic.Text, new ReceiveRequest { Wait = TimeSpan.FromSeconds(30) })).BodyText);
    }

    private ConfiguredCluster Cluster() => new(
        $$"""{ "ProviderType": "Redis", "ConnectionString": "{{_redis!.Address}}" }""",
        $$"""{ "ProviderType": "AdoNet", "Invariant": "Npgsql", "ConnectionString": "{{_postgres!.ConnectionString}}" }""");
}
