using System.Buffers.Binary;
using System.Security.Cryptography;

namespace OrleansMq.Core.Cursors;

/// <summary>What cursors know of a key: 64 bits of its SHA-256, never 0. Two keys with one hash wait for each other or share their turns, nothing worse.</summary>
public static class KeyHash
{
    public static ulong Of(ReadOnlySpan<byte> key)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(key, digest);
        return Math.Max(1, BinaryPrimitives.ReadUInt64LittleEndian(digest));
    }
}
