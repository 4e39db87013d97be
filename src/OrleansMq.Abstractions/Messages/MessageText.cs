using System.Text;

namespace OrleansMq;

/// <summary>Text as it stands in a record: UTF-8, and nothing that UTF-8 can't say.</summary>
internal static class MessageText
{
    // Strict: a lone surrogate would come back as another character, so two different tokens could become one.
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: the text has a lone surrogate.</exception>
    public static int ByteCount(string text, string what)
    {
        try
        {
            return Strict.GetByteCount(text);
        }
        catch (EncoderFallbackException e)
        {
            throw new MqException(ErrorCodes.Malformed, $"The {what} has half a surrogate pair at {e.Index}; it is no Unicode text.", inner: e);
        }
    }

    public static int Write(string text, Span<byte> to) => Strict.GetBytes(text, to);

    /// <summary>What others wrote may be no UTF-8; then it has U+FFFD in those places.</summary>
    public static string Read(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
}
