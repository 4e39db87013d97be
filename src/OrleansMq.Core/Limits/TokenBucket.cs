namespace OrleansMq.Core.Limits;

public sealed class TokenBucket
{
    public TokenBucket(double ratePerSecond, long nowMs) => throw new NotImplementedException();
    public double RatePerSecond => throw new NotImplementedException();
    public void Change(double ratePerSecond, long nowMs) => throw new NotImplementedException();
    public bool TryTake(int n, long nowMs, out long retryAfterMs) => throw new NotImplementedException();
}
