using System.Net;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files;
using Xunit;

namespace OrleansMq.Clustering.Tests;

/// <summary>What Orleans' membership protocol asks of a table, on any documents.</summary>
public abstract class MembershipTableContract : IAsyncLifetime
{
    private static readonly DateTime Noon = new(2030, 1, 2, 12, 0, 0, DateTimeKind.Utc);

    private IStorage _storage = null!;
    private int _generation = 100;

    private protected IMembershipTable Table { get; private set; } = null!;

    protected abstract IStorage Open();

    public async Task InitializeAsync()
    {
        _storage = Open();
        Table = TableOf("cluster-a");
        await Table.InitializeMembershipTableAsync(true, default);
    }

    public virtual async Task DisposeAsync() => await _storage.DisposeAsync();

    [Fact]
    public async Task NewTableIsEmptyAtVersionZero()
    {
        var table = await Table.ReadAllAsync(default);

        Assert.Empty(table.Members);
        Assert.Equal(0, table.Version.Version);
        Assert.NotEmpty(table.Version.VersionEtag);
    }

    [Fact]
    public async Task MakingATableThatIsThereChangesNothing()
    {
        await Insert(Silo());

        await TableOf("cluster-a").InitializeMembershipTableAsync(true, default);

        Assert.Single((await Table.ReadAllAsync(default)).Members);
    }

    [Fact]
    public async Task InsertedRowReadsBackWithEverythingItHeld()
    {
        var silo = Silo();
        silo.Status = SiloStatus.Active;
        silo.RoleName = "role";
        silo.UpdateZone = 3;
        silo.FaultZone = 4;
        silo.AddSuspector(Address(7), Noon.AddSeconds(1));
        silo.AddSuspector(Address(8), Noon.AddMilliseconds(2001));

        await Insert(silo);

        var row = await Table.ReadRowAsync(silo.SiloAddress, default);
        Assert.Equal(silo.ToFullString(), Assert.Single(row.Members).Item1.ToFullString());
        Assert.Equal(1, row.Version.Version);
        Assert.Equal(row.Version, (await Table.ReadAllAsync(default)).Version);
    }

    [Fact]
    public async Task RowThatIsNotThereIsReadAsNoneWithTheTablesVersion()
    {
        await Insert(Silo());

        var none = await Table.ReadRowAsync(Address(999), default);

        Assert.Empty(none.Members);
        Assert.Equal(1, none.Version.Version);
    }

    [Fact]
    public async Task InsertNeedsTheTablesNewestVersion()
    {
        var stale = (await Table.ReadAllAsync(default)).Version.Next();
        await Insert(Silo());

        Assert.False(await Table.InsertRowAsync(Silo(), stale, default));
        Assert.Single((await Table.ReadAllAsync(default)).Members);
    }

    [Fact]
    public async Task SiloIsInsertedOnce()
    {
        var silo = Silo();
        await Insert(silo);

        Assert.False(await Table.InsertRowAsync(silo, (await Table.ReadAllAsync(default)).Version.Next(), default));
        Assert.Equal(1, (await Table.ReadAllAsync(default)).Version.Version);
    }

    [Fact]
    public async Task UpdateNeedsTheRowsEtagAndTheTablesVersion()
    {
        var silo = Silo();
        var other = Silo();
        await Insert(silo);
        await Insert(other);
        var before = await Table.ReadAllAsync(default);
        var (mine, others) = (before.TryGet(silo.SiloAddress)!.Item2, before.TryGet(other.SiloAddress)!.Item2);
        silo.Status = SiloStatus.Active;

        Assert.NotEqual(mine, others);
        Assert.False(await Table.UpdateRowAsync(silo, others, before.Version.Next(), default));
        Assert.False(await Table.UpdateRowAsync(silo, mine, before.Version, default));
        Assert.False(await Table.UpdateRowAsync(Silo(), mine, before.Version.Next(), default));
        Assert.True(await Table.UpdateRowAsync(silo, mine, before.Version.Next(), default));
        Assert.False(await Table.UpdateRowAsync(silo, mine, before.Version.Next(), default));

        var after = await Table.ReadAllAsync(default);
        Assert.Equal(3, after.Version.Version);
        Assert.NotEqual(before.Version.VersionEtag, after.Version.VersionEtag);
        Assert.Equal(SiloStatus.Active, after.TryGet(silo.SiloAddress)!.Item1.Status);
        Assert.NotEqual(mine, after.TryGet(silo.SiloAddress)!.Item2);
        Assert.Equal(others, after.TryGet(other.SiloAddress)!.Item2);
        Assert.False(await Table.UpdateRowAsync(silo, mine, after.Version.Next(), default));
    }

    [Fact]
    public async Task OfSilosThatChangeTheTableAtOnceEachGetsItsTurn()
    {
        const int silos = 8;
        await Task.WhenAll(Enumerable.Range(0, silos).Select(n => Task.Run(async () =>
        {
            var table = TableOf("cluster-a");
            var silo = Silo();
            while (!await table.InsertRowAsync(silo, (await table.ReadAllAsync(default)).Version.Next(), default))
            {
            }
            silo.Status = SiloStatus.Active;
            while (true)
            {
                var seen = await table.ReadAllAsync(default);
                if (await table.UpdateRowAsync(silo, seen.TryGet(silo.SiloAddress)!.Item2, seen.Version.Next(), default))
                    return;
            }
        })));

        var all = await Table.ReadAllAsync(default);
        Assert.Equal(2 * silos, all.Version.Version);
        Assert.Equal(silos, all.Members.Count(row => row.Item1.Status == SiloStatus.Active));
    }

    [Fact]
    public async Task SayingAliveChangesTheTimeAndFailsNobodysUpdate()
    {
        var silo = Silo();
        await Insert(silo);
        var seen = await Table.ReadAllAsync(default);

        await Table.UpdateIAmAliveAsync(new MembershipEntry { SiloAddress = silo.SiloAddress, IAmAliveTime = Noon.AddMinutes(5) }, default);

        Assert.Equal(seen.Version, (await Table.ReadAllAsync(default)).Version);
        silo.Status = SiloStatus.Active;
        Assert.True(await Table.UpdateRowAsync(silo, seen.TryGet(silo.SiloAddress)!.Item2, seen.Version.Next(), default));
        var after = (await Table.ReadAllAsync(default)).TryGet(silo.SiloAddress)!.Item1;
        Assert.Equal((SiloStatus.Active, Noon.AddMinutes(5)), (after.Status, after.IAmAliveTime));
    }

    [Fact]
    public async Task SiloWithoutARowCannotSayThatItIsAlive() =>
        await Assert.ThrowsAsync<OrleansException>(() => Table.UpdateIAmAliveAsync(Silo(), default));

    [Fact]
    public async Task CleaningUpRemovesWhatIsOldAndNotActive()
    {
        foreach (var status in Enum.GetValues<SiloStatus>())
        {
            var old = Silo();
            old.Status = status;
            await Insert(old);
        }
        var young = Silo();
        young.Status = SiloStatus.Dead;
        young.StartTime = Noon.AddDays(9);
        await Insert(young);
        var version = (await Table.ReadAllAsync(default)).Version;

        await Table.CleanupDefunctSiloEntriesAsync(Noon.AddDays(3), default);

        var left = await Table.ReadAllAsync(default);
        Assert.Equal([SiloStatus.Active, SiloStatus.Dead], left.Members.Select(row => row.Item1.Status));
        Assert.NotNull(left.TryGet(young.SiloAddress));
        Assert.Equal(version, left.Version);
    }

    [Fact]
    public async Task ClustersOnOneStorageStayApartAndDeletingOneLeavesTheOther()
    {
        var other = TableOf("cluster-b");
        await other.InitializeMembershipTableAsync(true, default);
        await Insert(Silo());
        Assert.Empty((await other.ReadAllAsync(default)).Members);

        await other.DeleteMembershipTableEntriesAsync("cluster-b", default);

        Assert.Single((await Table.ReadAllAsync(default)).Members);
        await Assert.ThrowsAsync<OrleansException>(() => other.ReadAllAsync(default));
    }

    [Fact]
    public async Task TableMadeAgainAcceptsNoEtagOfTheOneBefore()
    {
        var old = await Table.ReadAllAsync(default);
        await Table.DeleteMembershipTableEntriesAsync("cluster-a", default);
        await Table.InitializeMembershipTableAsync(true, default);

        Assert.False(await Table.InsertRowAsync(Silo(), old.Version.Next(), default));
    }

    [Fact]
    public async Task GatewaysAreThoseOfActiveSilosThatHaveOne()
    {
        var gateways = new DocumentGatewayList(_storage.Documents, ClusterOf("cluster-a"), Options.Create(new GatewayOptions()));
        var (active, plain, joining) = (Silo(), Silo(), Silo());
        (active.Status, active.ProxyPort) = (SiloStatus.Active, 30001);
        (plain.Status, plain.ProxyPort) = (SiloStatus.Active, 0);
        (joining.Status, joining.ProxyPort) = (SiloStatus.Joining, 30003);
        await Insert(active);
        await Insert(plain);
        await Insert(joining);

        var uri = Assert.Single(await gateways.GetGateways());

        Assert.Equal(new IPEndPoint(IPAddress.Loopback, 30001), uri.ToIPEndPoint());
        Assert.Empty(await new DocumentGatewayList(_storage.Documents, ClusterOf("not-yet"), Options.Create(new GatewayOptions())).GetGateways());
    }

    private protected IMembershipTable TableOf(string cluster) => new DocumentMembershipTable(_storage.Documents, ClusterOf(cluster));

    private protected MembershipEntry Silo()
    {
        var address = Address(Interlocked.Increment(ref _generation));
        return new MembershipEntry
        {
            SiloAddress = address,
            HostName = "host",
            SiloName = $"silo {address.Generation}",
            Status = SiloStatus.Joining,
            ProxyPort = 30000,
            StartTime = Noon,
            IAmAliveTime = Noon,
        };
    }

    private async Task Insert(MembershipEntry silo) => Assert.True(await Table.InsertRowAsync(silo, (await Table.ReadAllAsync(default)).Version.Next(), default));

    private static SiloAddress Address(int generation) => SiloAddress.New(IPAddress.Loopback, 11111, generation);

    private static IOptions<ClusterOptions> ClusterOf(string cluster) => Options.Create(new ClusterOptions { ClusterId = cluster, ServiceId = "service" });
}

public sealed class VolatileMembershipTableTests : MembershipTableContract
{
    protected override IStorage Open() => new VolatileStorage();
}

public sealed class FileMembershipTableTests : MembershipTableContract
{
    private readonly string _folder = Directory.CreateTempSubdirectory("orleansmq-test-").FullName;

    protected override IStorage Open() => new FileStorage(new FileStorageOptions { Directory = _folder, FlushThreads = 4 });

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
