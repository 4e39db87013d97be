namespace OrleansMq.Core.Groups;

/// <summary>What a settlement may say; the limits are its constants.</summary>
public static class SettlementRules
{
    public const int MaxLeases = 10_000;
    public const int MaxReasonLength = 1_024;
    public static readonly TimeSpan MaxDelay = TimeSpan.FromHours(24);

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>, naming what does not fit.</exception>
    public static void Check(Settlement settlement)
    {
        if (settlement.Leases.Count + settlement.UpTo.Count is 0 or > MaxLeases)
            throw Malformed($"1 to {MaxLeases} leases are settled at once; {settlement.Leases.Count + settlement.UpTo.Count} were given.");
        if (!Enum.IsDefined(settlement.Kind))
            throw Malformed($"{(int)settlement.Kind} is no kind of settlement.");
        if (settlement.UpTo.Count > 0 && settlement.Kind != SettlementKind.Acknowledge)
            throw Malformed("'upTo' is for acknowledging only.");
        if (settlement.Delay is { } delay && (settlement.Kind != SettlementKind.Refuse || delay < TimeSpan.Zero || delay > MaxDelay))
            throw Malformed($"'delay' is for negative acknowledgements, from 0 to {MaxDelay}.");
        if (settlement.Lease is not null && settlement.Kind != SettlementKind.Extend)
            throw Malformed("A lease time is for extending only.");
        if (settlement.Reason is { } reason && (settlement.Kind != SettlementKind.DeadLetter || reason.Length > MaxReasonLength))
            throw Malformed($"'reason' is for dead letters and has at most {MaxReasonLength} characters.");
        if (settlement.Sessions.Count > 0)
            CheckSessions(settlement);
    }

    private static void CheckSessions(Settlement settlement)
    {
        if (settlement.Kind != SettlementKind.Acknowledge)
            throw Malformed("'sessions' are for acknowledging only.");
        // What is acknowledged by its position would not wait for the state.
        if (settlement.UpTo.Count > 0)
            throw Malformed("'sessions' and 'upTo' do not go together.");
        var leases = settlement.Leases.ToHashSet();
        if (settlement.Sessions.FirstOrDefault(session => !leases.Remove(session.Lease)) is { } stray)
            throw Malformed($"A state is for one of the leases that are acknowledged with it, and each has one at most; lease {stray.Lease} is none of them, or has two.");
        foreach (var session in settlement.Sessions)
            CheckState(session.State);
        if (settlement.Sessions.Sum(session => (long)session.State.Length) is > SessionChange.MaxBytesAtOnce and var bytes)
            throw Malformed($"The states of one settlement have at most {SessionChange.MaxBytesAtOnce} bytes together; these have {bytes}.");
    }

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: it is too long.</exception>
    public static void CheckState(ReadOnlyMemory<byte> state)
    {
        if (state.Length > SessionChange.MaxStateBytes)
            throw Malformed($"The state of a key has at most {SessionChange.MaxStateBytes} bytes; one of {state.Length} was given.");
    }

    private static MqException Malformed(string detail) => new(ErrorCodes.Malformed, detail);
}
