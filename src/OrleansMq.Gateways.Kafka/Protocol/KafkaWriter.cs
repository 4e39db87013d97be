using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>Builds one response, in the form that its version has (see <see cref="KafkaReader"/>). Stored batches are not copied into it: their place is remembered, and they are sent from where they lie.</summary>
internal sealed class KafkaWriter : IDisposable
{
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(512);
    private int _length;
    private List<(int At, ReadOnlyMemory<byte> Bytes)>? _lent;
    private List<IDisposable>? _owners;
    private long _lentBytes;
    private int _throttleAt = -1;

    /// <summary>Lengths are varints and structures end with tagged fields from here on.</summary>
    public bool Flexible { get; set; }

    /// <summary>The connection is closed behind it.</summary>
    public bool IsLast { get; set; }

    /// <summary>All that is to be sent.</summary>
    public long Length => _length + _lentBytes;

    public void Byte(byte value) => Take(1)[0] = value;
    public void Bool(bool value) => Byte(value ? (byte)1 : (byte)0);
    public void Int16(short value) => BinaryPrimitives.WriteInt16BigEndian(Take(2), value);
    public void Int32(int value) => BinaryPrimitives.WriteInt32BigEndian(Take(4), value);
    public void Int64(long value) => BinaryPrimitives.WriteInt64BigEndian(Take(8), value);
    public void Error(KafkaError error) => Int16((short)error);

    /// <summary>How long the client has to wait before it asks again: known when the answer is whole, see <see cref="SetThrottle"/>.</summary>
    public void Throttle()
    {
        _throttleAt = _length;
        Int32(0);
    }

    /// <summary>Of effect where the answer has a place for it.</summary>
    public void SetThrottle(int ms)
    {
        if (_throttleAt >= 0)
            BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(_throttleAt), ms);
    }

    /// <summary>Bytes as they are, without a length.</summary>
    public void Raw(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    public void UVarint(uint value)
    {
        for (; value >= 0x80; value >>= 7)
            Byte((byte)(value | 0x80));
        Byte((byte)value);
    }

    public void String(string value)
    {
        // An error's text may be any length; a name never is.
        if (value.Length > 8_000)
            value = value[..8_000];
        var length = Encoding.UTF8.GetByteCount(value);
        if (Flexible)
            UVarint((uint)length + 1);
        else
            Int16((short)length);
        Encoding.UTF8.GetBytes(value, Take(length));
    }

    public void NullableString(string? value)
    {
        if (value is not null)
            String(value);
        else if (Flexible)
            UVarint(0);
        else
            Int16(-1);
    }

    public void Bytes(ReadOnlySpan<byte> value)
    {
        Count(value.Length);
        value.CopyTo(Take(value.Length));
    }

    /// <summary>A length, or how many elements follow.</summary>
    /// <param name="count">-1 for null.</param>
    public void Count(int count)
    {
        if (Flexible)
            UVarint((uint)(count + 1));
        else
            Int32(count);
    }

    /// <summary>The end of a structure.</summary>
    public void Tags()
    {
        if (Flexible)
            UVarint(0);
    }

    /// <summary>A topic's id; sixteen zeros for none.</summary>
    public void Id(Guid id) => id.TryWriteBytes(Take(16), bigEndian: true, out _);

    /// <summary>Structures, each with its end.</summary>
    public void Array<T>(IReadOnlyList<T> items, Action<KafkaWriter, T> write)
    {
        Count(items.Count);
        foreach (var item in items)
        {
            write(this, item);
            Tags();
        }
    }

    public void Int32Array(IReadOnlyList<int> items)
    {
        Count(items.Count);
        foreach (var item in items)
            Int32(item);
    }

    /// <summary>A length and bytes that stay where they are until this is disposed.</summary>
    public void Lend(ReadOnlyMemory<byte> bytes)
    {
        Count(bytes.Length);
        if (bytes.Length == 0)
            return;
        (_lent ??= []).Add((_length, bytes));
        _lentBytes += bytes.Length;
    }

    /// <summary>Is disposed of when the response was sent.</summary>
    public void Own(IDisposable owner) => (_owners ??= []).Add(owner);

    /// <summary>The pieces in their order.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Pieces()
    {
        var from = 0;
        foreach (var (at, bytes) in _lent ?? [])
        {
            yield return _bytes.AsMemory(from, at - from);
            yield return bytes;
            from = at;
        }
        yield return _bytes.AsMemory(from, _length - from);
    }

    public void Dispose()
    {
        GiveBack();
        var bytes = _bytes;
        _bytes = [];
        if (bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(bytes);
    }

    private void GiveBack()
    {
        foreach (var owner in _owners ?? [])
            owner.Dispose();
        _owners?.Clear();
    }

    private Span<byte> Take(int length)
    {
        if (_bytes.Length - _length < length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_length + length, _bytes.Length * 2));
            _bytes.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }
        var span = _bytes.AsSpan(_length, length);
        _length += length;
        return span;
    }
}
