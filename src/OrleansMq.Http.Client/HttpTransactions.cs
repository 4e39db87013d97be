using OrleansMq.Json;

namespace OrleansMq;

/// <summary>Transactions over HTTP. A call that got no answer is <see cref="ErrorCodes.OutcomeUnknown"/>, and may be made again.</summary>
internal sealed class HttpTransactions(HttpTransport transport) : ITransactionCoordinator
{
    public ValueTask<ProducerIdentity> Open(string id, TimeSpan timeout, ProducerIdentity? known = null, CancellationToken cancel = default) =>
        transport.Send(Post(id, "open", HttpTransport.JsonBody(writer => TransactionJson.WriteOpen(writer, timeout, known))), ClusterJson.ReadProducer, cancel);

    public ValueTask<IReadOnlyList<MqError?>> AddPartitions(string id, ProducerIdentity producer, IReadOnlyList<TransactionPartition> partitions, CancellationToken cancel = default) =>
        transport.Send(Post(id, "partitions", HttpTransport.JsonBody(writer => TransactionJson.WriteAddPartitions(writer, producer, partitions))), TransactionJson.ReadResults, cancel);

    public async ValueTask AddOffsets(string id, ProducerIdentity producer, GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default) =>
        await transport.Send(Post(id, "offsets", HttpTransport.JsonBody(writer => TransactionJson.WriteAddOffsets(writer, producer, group, member, offsets))), cancel);

    public ValueTask<ProducerIdentity> End(string id, ProducerIdentity producer, bool commit, bool newEpoch, CancellationToken cancel = default) =>
        transport.Send(Post(id, commit ? "commit" : "abort", HttpTransport.JsonBody(writer => TransactionJson.WriteEnd(writer, producer, newEpoch))), ClusterJson.ReadProducer, cancel);

    public ValueTask<IReadOnlyList<TransactionPartition>> Pending(GroupName group, CancellationToken cancel = default) =>
        transport.Send(new HttpAsk(HttpMethod.Get, $"/v1/pending/{group.Text}"), TransactionJson.ReadPending, cancel);

    public ValueTask<Page<TransactionDescription>> List(string? after = null, int max = 100, CancellationToken cancel = default) =>
        transport.Send(new HttpAsk(HttpMethod.Get, new Address("/v1/transactions").With("after", after).With("max", max)), TransactionJson.ReadPage, cancel);

    public async ValueTask Abort(string id, CancellationToken cancel = default) => await transport.Send(Post(id, "fence", null), cancel);

    private static HttpAsk Post(string id, string verb, HttpContent? body) => new(HttpMethod.Post, $"/v1/transactions/{Uri.EscapeDataString(id)}/{verb}", body, true);
}
