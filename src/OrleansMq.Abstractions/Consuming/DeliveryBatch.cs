namespace OrleansMq;

/// <summary>
/// Deliveries that are handled together. A handler that returns acknowledges all that it has not marked; one that throws has all those delivered
/// again that it has not marked.
/// </summary>
public sealed class DeliveryBatch
{
    private readonly Verdict?[] _verdicts;

    internal DeliveryBatch(IReadOnlyList<HeldLease> held)
    {
        Deliveries = [.. held.Select(each => each.Delivery)];
        _verdicts = new Verdict?[held.Count];
    }

    public IReadOnlyList<Delivery> Deliveries { get; }

    /// <summary>This one is done, even if the handler throws later.</summary>
    public void Acknowledge(int index) => _verdicts[index] = Verdict.Acknowledge;

    /// <summary>This one is delivered again.</summary>
    /// <param name="delay">Null: after the group's back-off.</param>
    public void Fail(int index, TimeSpan? delay = null) => _verdicts[index] = Verdict.Refuse(delay);

    /// <summary>This one goes to dead letters.</summary>
    /// <param name="reason">At most 1,024 characters, the rest is cut.</param>
    public void DeadLetter(int index, string reason) => _verdicts[index] = Verdict.DeadLetter(reason.Length <= 1024 ? reason : reason[..1024]);

    internal Verdict VerdictOf(int index, in Verdict otherwise) => _verdicts[index] ?? otherwise;
}
