namespace OrleansMq.Client.Wire;

[GenerateSerializer, Alias("OrleansMq.ReceiveRequestSurrogate")]
internal readonly record struct ReceiveRequestSurrogate(int Max, TimeSpan Wait, TimeSpan? Lease, string Consumer, string? RequestId, Position[] Deferred);

[RegisterConverter]
internal sealed class ReceiveRequestConverter : IConverter<ReceiveRequest, ReceiveRequestSurrogate>
{
    public ReceiveRequest ConvertFromSurrogate(in ReceiveRequestSurrogate surrogate) =>
        new() { Max = surrogate.Deferred is { Length: > 0 } ? 1 : surrogate.Max, Wait = surrogate.Wait, Lease = surrogate.Lease, Consumer = surrogate.Consumer, RequestId = surrogate.RequestId, Deferred = surrogate.Deferred ?? [] };

    /// <remarks>A silo that does not know the last field must not give the next messages instead: it refuses to give none.</remarks>
    public ReceiveRequestSurrogate ConvertToSurrogate(in ReceiveRequest value) => new(value.Deferred.Count > 0 ? 0 : value.Max, value.Wait, value.Lease, value.Consumer, value.RequestId, [.. value.Deferred]);
}

[GenerateSerializer, Alias("OrleansMq.SettlementSurrogate")]
internal readonly record struct SettlementSurrogate(SettlementKind Kind, LeaseId[] Leases, Position[] UpTo, TimeSpan? Delay, TimeSpan? Lease, string? Reason);

[RegisterConverter]
internal sealed class SettlementConverter : IConverter<Settlement, SettlementSurrogate>
{
    public Settlement ConvertFromSurrogate(in SettlementSurrogate surrogate) => new()
    {
        Kind = surrogate.Kind,
        Leases = surrogate.Leases,
        UpTo = surrogate.UpTo,
        Delay = surrogate.Delay,
        Lease = surrogate.Lease,
        Reason = surrogate.Reason,
    };

    public SettlementSurrogate ConvertToSurrogate(in Settlement value) => new(value.Kind, [.. value.Leases], [.. value.UpTo], value.Delay, value.Lease, value.Reason);
}

[GenerateSerializer, Alias("OrleansMq.SettleResultSurrogate")]
internal readonly record struct SettleResultSurrogate(LeaseId Lease, string? Code);

[RegisterConverter]
internal sealed class SettleResultConverter : IConverter<SettleResult, SettleResultSurrogate>
{
    public SettleResult ConvertFromSurrogate(in SettleResultSurrogate surrogate) => new(surrogate.Lease, surrogate.Code);

    public SettleResultSurrogate ConvertToSurrogate(in SettleResult value) => new(value.Lease, value.Code);
}

[GenerateSerializer, Alias("OrleansMq.AssignmentSurrogate")]
internal readonly record struct AssignmentSurrogate(int Generation, int[] Partitions);

[RegisterConverter]
internal sealed class AssignmentConverter : IConverter<Assignment, AssignmentSurrogate>
{
    public Assignment ConvertFromSurrogate(in AssignmentSurrogate surrogate) => new(surrogate.Generation, surrogate.Partitions);

    public AssignmentSurrogate ConvertToSurrogate(in Assignment value) => new(value.Generation, [.. value.Partitions]);
}

[GenerateSerializer, Alias("OrleansMq.CommitRequestSurrogate")]
internal readonly record struct CommitRequestSurrogate(Position[] Positions, string? Member, int Generation);

[RegisterConverter]
internal sealed class CommitRequestConverter : IConverter<CommitRequest, CommitRequestSurrogate>
{
    public CommitRequest ConvertFromSurrogate(in CommitRequestSurrogate surrogate) => new(surrogate.Positions, surrogate.Member, surrogate.Generation);

    public CommitRequestSurrogate ConvertToSurrogate(in CommitRequest value) => new([.. value.Positions], value.Member, value.Generation);
}

[GenerateSerializer, Alias("OrleansMq.SeekRequestSurrogate")]
internal readonly record struct SeekRequestSurrogate(StartAt? To, Position[] Positions);

[RegisterConverter]
internal sealed class SeekRequestConverter : IConverter<SeekRequest, SeekRequestSurrogate>
{
    public SeekRequest ConvertFromSurrogate(in SeekRequestSurrogate surrogate) => new(surrogate.To, surrogate.Positions);

    public SeekRequestSurrogate ConvertToSurrogate(in SeekRequest value) => new(value.To, [.. value.Positions]);
}

[GenerateSerializer, Alias("OrleansMq.DeadLetterSelectionSurrogate")]
internal readonly record struct DeadLetterSelectionSurrogate(Position[] Positions, bool Everything);

[RegisterConverter]
internal sealed class DeadLetterSelectionConverter : IConverter<DeadLetterSelection, DeadLetterSelectionSurrogate>
{
    public DeadLetterSelection ConvertFromSurrogate(in DeadLetterSelectionSurrogate surrogate) => new(surrogate.Positions, surrogate.Everything);

    public DeadLetterSelectionSurrogate ConvertToSurrogate(in DeadLetterSelection value) => new([.. value.Positions], value.Everything);
}
