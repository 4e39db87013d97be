using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace OrleansMq.Core.Dedup;

/// <summary>An idempotency token as it is remembered: the first 128 bits of its SHA-256, so that no client can make two tokens meet.</summary>
public readonly record struct TokenHash(ulong First, ulong Second)
{
    /// <summary>Bytes of UTF-8.</summary>
    public const int MaxTokenBytes = 256;

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: empty or too long.</exception>
    public static TokenHash Of(ReadOnlySpan<byte> token)
    {
        if (token.Length is 0 or > MaxTokenBytes)
            throw new MqException(ErrorCodes.Malformed, $"An idempotency token has 1 to {MaxTokenBytes} bytes of UTF-8; {token.Length} were given.");
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(token, digest);
        return new TokenHash(BinaryPrimitives.ReadUInt64BigEndian(digest), BinaryPrimitives.ReadUInt64BigEndian(digest[8..]));
    }

    /// <inheritdoc cref="Of(ReadOnlySpan{byte})"/>
    public static TokenHash Of(string token) => Of(Encoding.UTF8.GetBytes(token));
}
