namespace OrleansMq.Core.Cursors;

/// <summary>Which of the messages that may be granted goes first. From a group's settings.</summary>
/// <param name="ByPriority">Higher priorities first, see <see cref="ReadyMessages"/>.</param>
/// <param name="FairBy">What delivery is shared between, in turns; null: it is not.</param>
public sealed record DeliveryOrder(bool ByPriority, FairBy? FairBy)
{
    /// <summary>The lowest offset first.</summary>
    public static DeliveryOrder OfLane { get; } = new(false, null);

    public bool IsOfLane => !ByPriority && FairBy is null;

    public static DeliveryOrder Of(GroupSettings settings) => settings.Priority || settings.FairBy is not null ? new(settings.Priority, settings.FairBy) : OfLane;
}

/// <summary>What decides about a message's turn.</summary>
/// <param name="Key">Hash of its key; 0: none.</param>
/// <param name="Share">Hash of what delivery is shared between; 0: none, which is a share like others.</param>
/// <param name="Cost">How many turns of its share it takes, from 1.</param>
/// <param name="Priority">0 to 9.</param>
/// <param name="IsPassedOver">It does not match the group's filter.</param>
public readonly record struct MessageTraits(ulong Key, ulong Share, int Cost, int Priority, bool IsPassedOver = false)
{
    /// <summary>A message costs one turn for each of these, begun or whole.</summary>
    public const int BytesOfTurn = 64 << 10;

    public const int MaxCost = 64;

    public static int CostOf(int bytes) => Math.Clamp((bytes + BytesOfTurn - 1) / BytesOfTurn, 1, MaxCost);
}
