namespace OrleansMq.Core.Limits;

/// <summary>
/// A rate with a burst of one second's worth (at least 1). A batch greater than the burst is admitted when the bucket is full and leaves
/// a debt, so that the average holds and no batch is too large for ever.
/// </summary>
public sealed class TokenBucket
{
    /// <summary>What rounding may take away: a retry at the time that was named succeeds.</summary>
    private const double Tolerance = 1e-6;

    /// <summary>Negative: a debt.</summary>
    private double tokens;

    private long filledMs;

    public TokenBucket(double ratePerSecond, long nowMs)
    {
        RatePerSecond = Positive(ratePerSecond);
        (tokens, filledMs) = (Burst, nowMs);
    }

    public double RatePerSecond { get; private set; }

    private double Burst => Math.Max(1, RatePerSecond);

    /// <summary>The rate changes; what is there stays, at most the new burst.</summary>
    public void Change(double ratePerSecond, long nowMs)
    {
        Fill(nowMs);
        RatePerSecond = Positive(ratePerSecond);
        tokens = Math.Min(tokens, Burst);
    }

    /// <param name="retryAfterMs">Refused: when the same would succeed if nobody else takes any.</param>
    public bool TryTake(int n, long nowMs, out long retryAfterMs)
    {
        Fill(nowMs);
        var missing = Math.Min(n, Burst) - tokens;
        retryAfterMs = 0;
        if (missing > Tolerance)
        {
            retryAfterMs = Math.Max(1, (long)Math.Min(long.MaxValue / 2, Math.Ceiling(missing / RatePerSecond * 1000)));
            return false;
        }
        tokens -= n;
        return true;
    }

    /// <summary>Takes as many as there are, at most <paramref name="n"/>.</summary>
    /// <param name="retryAfterMs">Where none is there: when one will be.</param>
    public int TakeUpTo(int n, long nowMs, out long retryAfterMs)
    {
        Fill(nowMs);
        var taken = Math.Max(0, (int)Math.Min(n, Math.Floor(tokens + Tolerance)));
        retryAfterMs = 0;
        if (taken > 0)
            tokens -= taken;
        else if (n > 0)
            TryTake(1, nowMs, out retryAfterMs);
        return taken;
    }

    /// <summary>What was taken and not used.</summary>
    public void GiveBack(int n) => tokens = Math.Min(Burst, tokens + n);

    private void Fill(long nowMs)
    {
        if (nowMs <= filledMs)
            return;
        tokens = Math.Min(Burst, tokens + (nowMs - filledMs) * RatePerSecond / 1000);
        filledMs = nowMs;
    }

    private static double Positive(double rate) =>
        rate > 0 && double.IsFinite(rate) ? rate : throw new ArgumentOutOfRangeException(nameof(rate), rate, "A rate is greater than 0.");
}
