using System.Buffers;
using System.Runtime.InteropServices;

namespace OrleansMq.Engine.Storage;

/// <summary>
/// Bytes outside the managed heap, for a snapshot on its way to the disk or from it: as large as the state, needed for a moment, and given back to the system when it is over.
/// On the heap each would stay resident until the collector looks at the oldest generation: with ten million delayed messages that was most of the process.
/// </summary>
public sealed unsafe class NativeBytes : MemoryManager<byte>, IBufferWriter<byte>
{
    private byte* _bytes;
    private int _size;
    private int _written;

    /// <param name="size">Room for so many; more is made when it is needed.</param>
    public NativeBytes(int size)
    {
        _bytes = (byte*)NativeMemory.Alloc((nuint)Math.Max(1, size));
        _size = size;
    }

    /// <summary>What was written. Good until more is written, or this is disposed of.</summary>
    public ReadOnlyMemory<byte> Written => CreateMemory(_written);

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(_size - _written), nameof(count));
        _written += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return CreateMemory(_written, _size - _written);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return new Span<byte>(_bytes + _written, _size - _written);
    }

    public override Span<byte> GetSpan()
    {
        ThrowIfDisposed();
        return new Span<byte>(_bytes, _size);
    }

    /// <summary>It doesn't move once it is written.</summary>
    public override MemoryHandle Pin(int elementIndex = 0) => new(_bytes + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
        NativeMemory.Free(_bytes);
        _bytes = null;
        _size = _written = 0;
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_bytes == null, this);

    private void Reserve(int more)
    {
        ThrowIfDisposed();
        var needed = checked(_written + Math.Max(1, more));
        if (needed <= _size)
            return;
        var size = (int)Math.Min(Array.MaxLength, Math.Max(needed, 2L * _size));
        _bytes = (byte*)NativeMemory.Realloc(_bytes, (nuint)size);
        _size = size;
    }
}
