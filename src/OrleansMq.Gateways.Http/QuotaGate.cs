using OrleansMq.Access;

namespace OrleansMq.Gateways.Http;

/// <summary>Lets requests in by their quotas of rates: what exceeds one is held back until its turn where that comes soon, and refused where it does not.</summary>
/// <remarks>A refusal is held back too: who asks again at once, whatever it is told, comes no oftener by it. The body of what is held back is not read.</remarks>
internal sealed class QuotaGate(QuotaDesk quotas, HttpGatewayOptions options, CancellationToken stopping)
{
    // Those of one moment may be more than the limit, by as many as there are processors.
    private int _held;

    /// <summary>Requests that are held back now.</summary>
    public int Held => Volatile.Read(ref _held);

    private TimeSpan Patience => Held < options.MaxHeldRequests ? options.MaxQuotaWait : TimeSpan.Zero;

    /// <summary>Before it is known who asks.</summary>
    /// <exception cref="MqException">The address has used up its requests.</exception>
    public void Enter(string address)
    {
        if (quotas.RefusalOf(address, Patience) is { } refusal)
            throw refusal;
    }

    /// <summary>Takes the request from the quotas of who asks; done when it is its turn.</summary>
    /// <exception cref="MqException">It is too much.</exception>
    public async ValueTask Pass(Principal who, CancellationToken gone)
    {
        if (quotas.Take(who, Patience, out var wait) is { } refusal)
            throw refusal;
        if (wait <= TimeSpan.Zero)
            return;
        try
        {
            await Hold(wait, gone);
        }
        catch (OperationCanceledException)
        {
            quotas.GiveBack(who);
            throw stopping.IsCancellationRequested ? new MqException(ErrorCodes.PartitionUnavailable, "The broker is stopping.") : new OperationCanceledException(gone);
        }
    }

    /// <summary>Holds a refusal back, while there is room enough for those who are not refused.</summary>
    /// <returns>What to answer then.</returns>
    public async ValueTask<MqException> HoldBack(MqException refusal, CancellationToken gone)
    {
        var wait = options.MaxQuotaWait;
        if (Held >= options.MaxHeldRequests / 2 || wait == TimeSpan.Zero)
            return refusal;
        try
        {
            await Hold(wait, gone);
        }
        catch (OperationCanceledException)
        {
            return refusal;
        }
        return new MqException(refusal.Code, refusal.Message, refusal.RetryAfter - wait is { } left && left > Shortest ? left : Shortest, refusal);
    }

    private static TimeSpan Shortest { get; } = TimeSpan.FromMilliseconds(1);

    private async ValueTask Hold(TimeSpan wait, CancellationToken gone)
    {
        Interlocked.Increment(ref _held);
        try
        {
            using var end = CancellationTokenSource.CreateLinkedTokenSource(gone, stopping);
            await Task.Delay(wait, options.Time, end.Token);
        }
        finally
        {
            Interlocked.Decrement(ref _held);
        }
    }
}
