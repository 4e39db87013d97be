using System.Buffers;
using OrleansMq.Core.Cursors;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Tests;

/// <summary>Saved state as bytes, and back.</summary>
internal static class State
{
    public static string Of(Action<IBufferWriter<byte>> save) => Convert.ToHexString(Bytes(save));

    public static byte[] Bytes(Action<IBufferWriter<byte>> save)
    {
        var output = new ArrayBufferWriter<byte>();
        save(output);
        return output.WrittenSpan.ToArray();
    }

    public static QueueCursor Reload(QueueCursor cursor)
    {
        var bytes = Bytes(cursor.Save);
        var reader = new StateReader(bytes);
        var loaded = QueueCursor.Load(ref reader, cursor.Rules, cursor.ByKey);
        loaded.Order = cursor.Order;
        if (reader.Remaining != 0)
            throw new InvalidOperationException("Not everything was read.");
        return loaded;
    }

    /// <summary>Hexadecimal without its spaces and comments in parentheses.</summary>
    public static string Hex(string drawn) => string.Concat(drawn.Where(char.IsAsciiHexDigit)).ToUpperInvariant();
}
