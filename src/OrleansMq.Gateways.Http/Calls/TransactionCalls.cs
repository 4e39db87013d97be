using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>Transactions over several partitions and consumed positions. Messages become part of one by <c>transaction</c> on the calls that send.</summary>
internal static class TransactionCalls
{
    public static IEnumerable<HttpRoute> Routes =>
    [
        new("POST", "/v1/transactions/{id}/open", "openTransactionalId", "Open a transactional id: whoever had it is fenced, and what it left open is aborted.", Open)
        {
            Body = BodyKind.OptionalJson, Changes = true, RequestSchema = "OpenTransactionalIdRequest", AnswerSchema = "Producer",
        },
        new("POST", "/v1/transactions/{id}/partitions", "addPartitions", "Make partitions part of the transaction, which begins with the first of them.", AddPartitions)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "AddPartitionsRequest", AnswerSchema = "AddPartitionsResults",
        },
        new("POST", "/v1/transactions/{id}/offsets", "addOffsets", "Make consumed positions part of the transaction: the group's cursors move when it commits.", AddOffsets)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "AddOffsetsRequest", AnswerSchema = "Done",
        },
        new("POST", "/v1/transactions/{id}/commit", "commitTransaction", "Commit; may be said again when no answer came. Answers the producer for the next transaction.", call => End(call, commit: true))
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "EndTransactionRequest", AnswerSchema = "Producer",
        },
        new("POST", "/v1/transactions/{id}/abort", "abortTransaction", "Abort, as /commit.", call => End(call, commit: false))
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "EndTransactionRequest", AnswerSchema = "Producer",
        },
        new("POST", "/v1/transactions/{id}/fence", "fenceTransaction", "Abort the open transaction of somebody who does not end it, and fence him.", Fence)
        {
            Changes = true, AnswerSchema = "Done",
        },
        new("GET", "/v1/transactions", "listTransactions", "List transactional ids and how they stand.", List)
        {
            Query = [Parameters.ScheduledAfter, Parameters.PageMax], AnswerSchema = "TransactionPage",
        },
        new("GET", "/v1/pending/{group}", "pendingOffsets", "Positions of a group that are part of transactions that are not ended.", Pending) { AnswerSchema = "PendingOffsets" },
    ];

    /// <summary>Of which transaction the messages of a call are to be part.</summary>
    public static ProducerTransaction? Of(HttpCall call) => call.Query("transaction") is not { } id
        ? null
        : new ProducerTransaction(
            id, new ProducerIdentity(call.Int64("producerId", 0) ?? throw HttpCall.Absent("producerId"), (short)(call.Int32("producerEpoch", 0, short.MaxValue) ?? throw HttpCall.Absent("producerEpoch"))));

    private static ITransactionCoordinator Transactions(HttpCall call) =>
        call.Broker.Transactions ?? throw new MqException(ErrorCodes.NotAvailable, "This broker has no transactions.");

    private static async ValueTask Open(HttpCall call)
    {
        var (timeout, known) = call.Read(TransactionJson.ReadOpen);
        var producer = await Transactions(call).Open(call.Id, timeout, known, call.Cancel);
        await call.Answer(writer => ClusterJson.WriteProducer(writer, producer));
    }

    private static async ValueTask AddPartitions(HttpCall call)
    {
        var (producer, partitions) = call.Read(TransactionJson.ReadAddPartitions);
        var errors = await Transactions(call).AddPartitions(call.Id, producer, partitions, call.Cancel);
        await call.Answer(writer => TransactionJson.WriteResults(writer, errors));
    }

    private static async ValueTask AddOffsets(HttpCall call)
    {
        var (producer, group, member, offsets) = call.Read(TransactionJson.ReadAddOffsets);
        await Transactions(call).AddOffsets(call.Id, producer, group, member, offsets, call.Cancel);
        await call.AnswerEmpty();
    }

    private static async ValueTask End(HttpCall call, bool commit)
    {
        var (producer, newEpoch) = call.Read(TransactionJson.ReadEnd);
        var next = await Transactions(call).End(call.Id, producer, commit, newEpoch, call.Cancel);
        await call.Answer(writer => ClusterJson.WriteProducer(writer, next));
    }

    private static async ValueTask Fence(HttpCall call)
    {
        await Transactions(call).Abort(call.Id, call.Cancel);
        await call.AnswerEmpty();
    }

    private static async ValueTask List(HttpCall call)
    {
        var page = await Transactions(call).List(call.Query("after"), call.PageMax, call.Cancel);
        await call.Answer(writer => TransactionJson.WritePage(writer, page));
    }

    private static async ValueTask Pending(HttpCall call)
    {
        var pending = await Transactions(call).Pending(call.Group, call.Cancel);
        await call.Answer(writer => TransactionJson.WritePending(writer, pending));
    }
}
