namespace OrleansMq.Gateways;

/// <summary>Counts the bytes that all requests of a gateway hold, so that many large ones at once can't use up the memory.</summary>
public sealed class InFlightBytes(long limit)
{
    private long _held;

    public long Held => Interlocked.Read(ref _held);

    /// <exception cref="MqException"><see cref="ErrorCodes.Overloaded"/>: the limit is reached; nothing was taken.</exception>
    public void Take(long bytes)
    {
        if (Interlocked.Add(ref _held, bytes) <= limit)
            return;
        Interlocked.Add(ref _held, -bytes);
        throw new MqException(ErrorCodes.Overloaded, $"Requests in flight hold {limit} bytes, all there are for them.", TimeSpan.FromSeconds(1));
    }

    public void Give(long bytes) => Interlocked.Add(ref _held, -bytes);
}
