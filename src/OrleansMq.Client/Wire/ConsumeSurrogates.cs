namespace OrleansMq.Client.Wire;

[GenerateSerializer, Alias("OrleansMq.ReceiveRequestSurrogate")]
internal readonly record struct ReceiveRequestSurrogate(int Max, TimeSpan Wait, TimeSpan? Lease, string Consumer, string? RequestId, Position[] Deferred, Guid? GroupId);

[RegisterConverter]
internal sealed class ReceiveRequestConverter : IConverter<ReceiveRequest, ReceiveRequestSurrogate>
{
    public ReceiveRequest ConvertFromSurrogate(in ReceiveRequestSurrogate surrogate) =>
        new() { Max = surrogate.Deferred is { Length: > 0 } ? 1 : surrogate.Max, Wait = surrogate.Wait, Lease = surrogate.Lease, Consumer = surrogate.Consumer, RequestId = surrogate.RequestId, Deferred = surrogate.Deferred ?? [], GroupId = surrogate.GroupId };

    /// <remarks>A silo that does not know the last field must not give the next messages instead: it refuses to give none.</remarks>
    public ReceiveRequestSurrogate ConvertToSurrogate(in ReceiveRequest value) => new(value.Deferred.Count > 0 ? 0 : value.Max, value.Wait, value.Lease, value.Consumer, value.RequestId, [.. value.Deferred], value.GroupId);
}

[GenerateSerializer, Alias("OrleansMq.SettlementSurrogate")]
internal readonly record struct SettlementSurrogate(SettlementKind Kind, LeaseId[] Leases, Position[] UpTo, TimeSpan? Delay, TimeSpan? Lease, string? Reason, SessionChange[]? Sessions);

[RegisterConverter]
internal sealed class SettlementConverter : IConverter<Settlement, SettlementSurrogate>
{
    private const SettlementKind WithSessions = (SettlementKind)100;

    public Settlement ConvertFromSurrogate(in SettlementSurrogate surrogate) => new()
    {
        Kind = surrogate.Kind == WithSessions ? SettlementKind.Acknowledge : surrogate.Kind,
        Leases = surrogate.Leases,
        UpTo = surrogate.UpTo,
        Delay = surrogate.Delay,
        Lease = surrogate.Lease,
        Reason = surrogate.Reason,
        Sessions = surrogate.Sessions ?? [],
    };

    /// <remarks>A silo that does not know the last field must not acknowledge without it: it refuses a kind that it does not know.</remarks>
    public SettlementSurrogate ConvertToSurrogate(in Settlement value) => new(
        value is { Kind: SettlementKind.Acknowledge, Sessions.Count: > 0 } ? WithSessions : value.Kind, [.. value.Leases], [.. value.UpTo], value.Delay, value.Lease, value.Reason,
        value.Sessions.Count == 0 ? null : [.. value.Sessions]);
}

[GenerateSerializer, Alias("OrleansMq.SessionChangeSurrogate")]
internal readonly record struct SessionChangeSurrogate(LeaseId Lease, byte[] State, long? Version);

[RegisterConverter]
internal sealed class SessionChangeConverter : IConverter<SessionChange, SessionChangeSurrogate>
{
    public SessionChange ConvertFromSurrogate(in SessionChangeSurrogate surrogate) => new(surrogate.Lease, surrogate.State, surrogate.Version);

    public SessionChangeSurrogate ConvertToSurrogate(in SessionChange value) => new(value.Lease, value.State.ToArray(), value.Version);
}

[GenerateSerializer, Alias("OrleansMq.SessionRequestSurrogate")]
internal readonly record struct SessionRequestSurrogate(byte[] Key, byte[]? Set, long? Version);

[RegisterConverter]
internal sealed class SessionRequestConverter : IConverter<SessionRequest, SessionRequestSurrogate>
{
    public SessionRequest ConvertFromSurrogate(in SessionRequestSurrogate surrogate) =>
        new(surrogate.Key) { Set = surrogate.Set is { } set ? new ReadOnlyMemory<byte>(set) : new ReadOnlyMemory<byte>?(), Version = surrogate.Version };

    public SessionRequestSurrogate ConvertToSurrogate(in SessionRequest value) => new(value.Key.ToArray(), value.Set?.ToArray(), value.Version);
}

[GenerateSerializer, Alias("OrleansMq.SessionStateSurrogate")]
internal readonly record struct SessionStateSurrogate(int Partition, long Version, byte[] State);

[RegisterConverter]
internal sealed class SessionStateConverter : IConverter<SessionState, SessionStateSurrogate>
{
    public SessionState ConvertFromSurrogate(in SessionStateSurrogate surrogate) => new(surrogate.Partition, surrogate.Version, surrogate.State);

    public SessionStateSurrogate ConvertToSurrogate(in SessionState value) => new(value.Partition, value.Version, value.State.ToArray());
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
