using System.Text;

namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>Kafka's strings, bytes and arrays, on the bounded reader.</summary>
internal ref struct KafkaReader(ReadOnlyMemory<byte> frame)
{
    private BoundedReader _reader = new(frame);

    // An encoding that does not guess: bytes that are no UTF-8 are malformed.
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    public readonly bool IsWhole => _reader.IsWhole;
    public readonly bool Failed => _reader.Failed;
    public readonly int Remaining => _reader.Remaining;

    public void Fail() => _reader.Fail();
    public byte Byte() => _reader.Byte();
    public bool Bool() => _reader.Bool();
    public short Int16() => _reader.Int16();
    public int Int32() => _reader.Int32();
    public long Int64() => _reader.Int64();
    public ReadOnlyMemory<byte> Rest() => _reader.Bytes(_reader.Remaining);

    public string String()
    {
        var text = NullableString();
        if (text is null)
            Fail();
        return text ?? "";
    }

    public string? NullableString()
    {
        var length = Int16();
        return length == -1 ? null : Text(_reader.Bytes(length));
    }

    /// <summary>Length, one more than it is, as a varint; 0 is null.</summary>
    public string? CompactString()
    {
        var length = _reader.UVarint();
        return length == 0 ? null : Text(_reader.Bytes((int)Math.Min(length - 1, int.MaxValue)));
    }

    public ReadOnlyMemory<byte> Bytes() => _reader.Bytes(Int32());

    public ReadOnlyMemory<byte>? NullableBytes()
    {
        var length = Int32();
        return length == -1 ? null : _reader.Bytes(length);
    }

    /// <param name="elementBytes">The least that an element takes.</param>
    public int Count(int elementBytes) => _reader.Count(Int32(), elementBytes);

    /// <returns>-1 for null.</returns>
    public int NullableCount(int elementBytes)
    {
        var count = Int32();
        return count == -1 && !Failed ? -1 : _reader.Count(count, elementBytes);
    }

    public int[] Int32Array()
    {
        var items = new int[Count(4)];
        for (var i = 0; i < items.Length; i++)
            items[i] = Int32();
        return items;
    }

    public string[] StringArray()
    {
        var items = new string[Count(2)];
        for (var i = 0; i < items.Length; i++)
            items[i] = String();
        return items;
    }

    /// <summary>Tagged fields are passed over: none is known here.</summary>
    public void SkipTags()
    {
        var count = _reader.Count((int)Math.Min(_reader.UVarint(), int.MaxValue), 2);
        for (; count > 0 && !Failed; count--)
        {
            _reader.UVarint();
            _reader.Bytes((int)Math.Min(_reader.UVarint(), int.MaxValue));
        }
    }

    private string Text(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return Utf8.GetString(bytes.Span);
        }
        catch (DecoderFallbackException)
        {
            Fail();
            return "";
        }
    }
}
