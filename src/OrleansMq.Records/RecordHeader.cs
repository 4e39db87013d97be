using System.Text;

namespace OrleansMq.Records;

/// <summary>One header of a record.</summary>
/// <param name="KeyUtf8">Its name. Never null, may be empty.</param>
/// <param name="Value">Any bytes; empty if null.</param>
/// <param name="IsNull">The value is null, which is not the same as empty.</param>
public readonly record struct RecordHeader(ReadOnlyMemory<byte> KeyUtf8, ReadOnlyMemory<byte> Value, bool IsNull = false)
{
    /// <summary>The name as text; allocates. Bytes that are not UTF-8 become U+FFFD.</summary>
    public string Key => Encoding.UTF8.GetString(KeyUtf8.Span);

    /// <summary>A header of two texts, both copied.</summary>
    public static RecordHeader OfText(string key, string value) => new(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value));
}
