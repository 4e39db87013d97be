using System.Text;

namespace OrleansMq.Streaming;

/// <summary>
/// A stream's name as a message key: <c>namespace/key</c>, so that every producer can write it. A key without a slash belongs to the default namespace.
/// In a namespace <c>/</c> and <c>%</c> are written <c>%2F</c> and <c>%25</c>; the key stands as it is. A stream without a namespace is its bare key, or
/// <c>/key</c> where a bare one would mean something else.
/// </summary>
internal sealed class StreamKey(string? defaultNamespace)
{
    private const byte Slash = (byte)'/';
    private const byte Percent = (byte)'%';

    private readonly byte[] _default = Encoding.UTF8.GetBytes(defaultNamespace ?? "");

    public byte[] Write(StreamId stream)
    {
        var space = stream.Namespace.Span;
        var key = stream.Key.Span;
        var isDefault = space.SequenceEqual(_default);
        if (isDefault && !key.Contains(Slash))
            return key.ToArray();
        var escapes = 0;
        foreach (var b in space)
            escapes += b is Slash or Percent ? 2 : 0;
        var written = new byte[space.Length + escapes + 1 + key.Length];
        var at = 0;
        foreach (var b in space)
        {
            if (b is Slash or Percent)
            {
                (b == Slash ? "%2F"u8 : "%25"u8).CopyTo(written.AsSpan(at));
                at += 3;
            }
            else
            {
                written[at++] = b;
            }
        }

        written[at++] = Slash;
        key.CopyTo(written.AsSpan(at));
        return written;
    }

    /// <returns>False for a key that names no stream: an empty one, or one that ends with its first slash.</returns>
    public bool TryRead(ReadOnlySpan<byte> key, out StreamId stream)
    {
        stream = default;
        var slash = key.IndexOf(Slash);
        var name = key[(slash + 1)..];
        if (name.IsEmpty)
            return false;
        stream = slash < 0 ? StreamId.Create(_default, name) : StreamId.Create(Unescape(key[..slash]), name);
        return true;
    }

    private static ReadOnlySpan<byte> Unescape(ReadOnlySpan<byte> space)
    {
        if (!space.Contains(Percent))
            return space;
        var plain = new byte[space.Length];
        var length = 0;
        for (var i = 0; i < space.Length; i++)
        {
            var rest = space[i..];
            if (rest.StartsWith("%2F"u8) || rest.StartsWith("%25"u8))
            {
                plain[length++] = rest[2] == (byte)'F' ? Slash : Percent;
                i += 2;
            }
            else
            {
                plain[length++] = space[i];
            }
        }

        return plain.AsSpan(0, length);
    }
}
