namespace OrleansMq.Core.Groups;

public sealed class Standby
{
    public const long IdleMs = 10_000;
    public string? Active => throw new NotImplementedException();
    public bool MayReceive(string consumer, long nowMs, bool activeHoldsLeases) => throw new NotImplementedException();
    public void Polled(string consumer, long nowMs, long waitMs) => throw new NotImplementedException();
    public void Left(string consumer) => throw new NotImplementedException();
}
