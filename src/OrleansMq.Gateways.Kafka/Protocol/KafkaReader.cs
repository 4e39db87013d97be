using System.Text;

namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>Kafka's strings, bytes and arrays, on the bounded reader.</summary>
/// <remarks>
/// In a flexible version lengths and counts are varints, one more than they are with 0 for null, and each structure ends with tagged fields. The same calls read
/// both, so that a decoder is written once; <see cref="Tags"/> stands where a structure ends.
/// </remarks>
internal ref struct KafkaReader(ReadOnlyMemory<byte> frame, bool flexible = false)
{
    private BoundedReader _reader = new(frame);
    private readonly bool _flexible = flexible;

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

    /// <summary>Bytes that mean nothing.</summary>
    public void Pass(int bytes) => _reader.Bytes(bytes);

    public string String()
    {
        var text = NullableString();
        if (text is null)
            Fail();
        return text ?? "";
    }

    public string? NullableString()
    {
        var length = _flexible ? CompactLength() : Int16();
        return length == -1 ? null : Text(_reader.Bytes(length));
    }

    public ReadOnlyMemory<byte> Bytes() => _reader.Bytes(Length());

    public ReadOnlyMemory<byte>? NullableBytes()
    {
        var length = Length();
        return length == -1 ? null : _reader.Bytes(length);
    }

    /// <param name="elementBytes">The least that an element takes where the version is not flexible; its strings and arrays take less where it is, never below a third.</param>
    public int Count(int elementBytes) => _reader.Count(Length(), Least(elementBytes));

    /// <returns>-1 for null.</returns>
    public int NullableCount(int elementBytes)
    {
        var count = Length();
        return count == -1 && !Failed ? -1 : _reader.Count(count, Least(elementBytes));
    }

    /// <summary>A topic's id; zeros for none.</summary>
    public Guid Id() => _reader.Bytes(16) is { Length: 16 } bytes ? new Guid(bytes.Span, bigEndian: true) : Guid.Empty;

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

    public string[]? NullableStringArray()
    {
        var count = NullableCount(2);
        if (count < 0)
            return null;
        var items = new string[count];
        for (var i = 0; i < items.Length; i++)
            items[i] = String();
        return items;
    }

    /// <summary>The end of a structure: tagged fields, where there are any, are passed over. None is known here.</summary>
    public void Tags()
    {
        if (!_flexible)
            return;
        var count = _reader.Count((int)Math.Min(_reader.UVarint(), int.MaxValue), 2);
        for (; count > 0 && !Failed; count--)
        {
            _reader.UVarint();
            _reader.Bytes((int)Math.Min(_reader.UVarint(), int.MaxValue));
        }
    }

    private int Length() => _flexible ? CompactLength() : Int32();

    private int CompactLength() => (int)Math.Min(_reader.UVarint(), int.MaxValue) - 1;

    private readonly int Least(int elementBytes) => _flexible ? elementBytes / 3 : elementBytes;

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
