using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Clustering;

/// <summary>Orleans' membership protocol on our document port: <see cref="MembershipDocument"/> holds the rules, this the calls.</summary>
internal sealed class DocumentMembershipTable(IDocuments documents, IOptions<ClusterOptions> cluster) : IMembershipTable
{
    private readonly MembershipStore _store = new(documents, cluster.Value.ClusterId);

    public Task InitializeMembershipTable(bool tryInitTableVersion) => tryInitTableVersion ? _store.Make() : Task.CompletedTask;

    public Task DeleteMembershipTableEntries(string clusterId) => new MembershipStore(documents, clusterId).Delete();

    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => _store.Change(table =>
    {
        var cleaned = table.WithoutDefunct(beforeDate.UtcDateTime);
        return cleaned.Rows.Count == table.Rows.Count ? table : cleaned;
    });

    public async Task<MembershipTableData> ReadRow(SiloAddress key)
    {
        var address = key.ToParsableString();
        return (await _store.Read()).ToTable(row => row.Address == address);
    }

    public async Task<MembershipTableData> ReadAll() => (await _store.Read()).ToTable(_ => true);

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => _store.Change(table => table.Insert(entry, tableVersion));

    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) =>
        _store.Change(table => table.Update(entry, etag, tableVersion));

    public Task UpdateIAmAlive(MembershipEntry entry) => _store.Change(table => table.Find(entry.SiloAddress) is { } row
        ? table.SaysAlive(row, MembershipRow.Utc(entry.IAmAliveTime))
        : throw new OrleansException($"Silo {entry.SiloAddress} says that it is alive and has no row in the membership table."));
}
