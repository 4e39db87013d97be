using System.Buffers;

namespace OrleansMq.Core.Snapshots;

/// <summary>How long something is when it is written, without keeping it: what has its length before it may be as large as all the rest.</summary>
internal sealed class LengthOf : IBufferWriter<byte>
{
    private byte[] _scratch = new byte[1024];

    private LengthOf()
    {
    }

    private int Bytes { get; set; }

    public static int Written(Action<IBufferWriter<byte>> write)
    {
        var length = new LengthOf();
        write(length);
        return length.Bytes;
    }

    public void Advance(int count) => Bytes = checked(Bytes + count);

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (sizeHint > _scratch.Length)
            _scratch = new byte[sizeHint];
        return _scratch;
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
}
