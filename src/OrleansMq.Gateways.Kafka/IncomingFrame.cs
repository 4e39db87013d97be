using System.Buffers;

namespace OrleansMq.Gateways.Kafka;

/// <summary>One request's bytes in a rented array that grows as they come, so that an announced length alone costs nothing.</summary>
internal sealed class IncomingFrame : IDisposable
{
    private const int FirstBytes = 16 << 10;

    private readonly InFlightBytes _inFlight;
    private readonly int _length;
    private byte[] _bytes;
    private int _have;

    /// <exception cref="MqException"><see cref="ErrorCodes.Overloaded"/>.</exception>
    public IncomingFrame(int length, InFlightBytes inFlight)
    {
        (_length, _inFlight) = (length, inFlight);
        var first = Math.Min(length, FirstBytes);
        inFlight.Take(first);
        _bytes = ArrayPool<byte>.Shared.Rent(first);
        Held = first;
    }

    /// <summary>What it counts for.</summary>
    private int Held { get; set; }

    public bool IsWhole => _have == _length;

    public ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, _have);

    /// <summary>Takes what belongs to this request.</summary>
    /// <returns>How many bytes.</returns>
    /// <exception cref="MqException"><see cref="ErrorCodes.Overloaded"/>.</exception>
    public int Add(in ReadOnlySequence<byte> bytes)
    {
        var take = (int)Math.Min(bytes.Length, _length - _have);
        if (_have + take > _bytes.Length)
            Grow(_have + take);
        bytes.Slice(0, take).CopyTo(_bytes.AsSpan(_have));
        _have += take;
        return take;
    }

    public void Dispose()
    {
        _inFlight.Give(Held);
        Held = 0;
        var bytes = _bytes;
        _bytes = [];
        if (bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(bytes);
    }

    private void Grow(int need)
    {
        var size = (int)Math.Min(_length, Math.Max(need, 4L * _bytes.Length));
        _inFlight.Take(size - Held);
        Held = size;
        var larger = ArrayPool<byte>.Shared.Rent(size);
        _bytes.AsSpan(0, _have).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
