using System.Buffers;
using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace OrleansMq.Gateways.Http;

/// <summary>A request's body in one piece, in a buffer from the pool; counted against the gateway's bytes in flight as it grows.</summary>
/// <remarks>Owned by the call until <see cref="Give"/>. A call that was abandoned does not give it back: the broker may still look at it.</remarks>
internal sealed class RequestBody(InFlightBytes inFlight)
{
    private const int FirstBytes = 4096;

    /// <summary>Of a body that is too large: so much more is read before the refusal. 1 MiB.</summary>
    internal const long MaxDiscardedBytes = 1 << 20;

    private byte[] _buffer = [];
    private int _length;
    private long _taken;

    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <exception cref="MqException"><see cref="HttpErrors.RequestTooLarge"/>, or <see cref="ErrorCodes.Overloaded"/>.</exception>
    public async ValueTask Read(HttpRequest request, int limit, CancellationToken cancel)
    {
        if (request.ContentLength > limit)
        {
            await Discard(request, cancel);
            throw TooLarge(limit);
        }

        while (true)
        {
            var read = await request.BodyReader.ReadAsync(cancel);
            var fits = read.Buffer.Length <= limit - _length;
            if (fits)
                foreach (var segment in read.Buffer)
                    Add(segment.Span, limit);
            request.BodyReader.AdvanceTo(read.Buffer.End);
            if (!fits)
            {
                await Discard(request, cancel);
                throw TooLarge(limit);
            }

            if (read.IsCompleted)
                return;
        }
    }

    /// <summary>
    /// Reads on for a while without keeping anything: a client that is still sending when the connection closes sees a reset, and not the answer that says why.
    /// </summary>
    private static async ValueTask Discard(HttpRequest request, CancellationToken cancel)
    {
        for (var left = MaxDiscardedBytes; left > 0;)
        {
            var read = await request.BodyReader.ReadAsync(cancel);
            left -= read.Buffer.Length;
            request.BodyReader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                return;
        }
    }

    /// <param name="abandoned">Somebody may still hold the bytes.</param>
    public void Give(bool abandoned)
    {
        inFlight.Give(_taken);
        if (!abandoned && _buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _length, _taken) = ([], 0, 0);
    }

    private void Add(ReadOnlySpan<byte> bytes, int limit)
    {
        if (bytes.Length > limit - _length)
            throw TooLarge(limit);
        if (_length + bytes.Length > _buffer.Length)
            Grow((int)Math.Min(limit, Math.Max(FirstBytes, 2L * (_length + bytes.Length))));
        bytes.CopyTo(_buffer.AsSpan(_length));
        _length += bytes.Length;
    }

    private void Grow(int length)
    {
        inFlight.Take(length - _taken);
        _taken = length;
        var larger = ArrayPool<byte>.Shared.Rent(length);
        Bytes.Span.CopyTo(larger);
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    private static MqException TooLarge(int limit) =>
        new(HttpErrors.RequestTooLarge, string.Create(CultureInfo.InvariantCulture, $"The body is larger than {limit} bytes."));
}
