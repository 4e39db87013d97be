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
    }

    private static MqException Malformed(string detail) => new(ErrorCodes.Malformed, detail);
}
