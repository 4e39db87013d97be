using System.Security.Cryptography;
using System.Text;

namespace OrleansMq.Core.Cursors;

/// <summary>
/// Who has a lease, as the log says it: the consumer's name and, where the receiving had a request id, a NUL and the first 128 bits of that id's SHA-256 in hex.
/// So a request that is repeated after a restart meets its leases. A name has no NUL of its own.
/// </summary>
public static class LeaseHolder
{
    private const char Bar = '\0';
    private const int HashBytes = 16;

    public static string Of(string consumer, string? requestId) =>
        requestId is null ? consumer : $"{consumer}{Bar}{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(requestId)).AsSpan(0, HashBytes))}";

    public static string ConsumerOf(string holder) => holder.IndexOf(Bar, StringComparison.Ordinal) is var bar and >= 0 ? holder[..bar] : holder;

    public static bool HasRequest(string holder) => holder.Contains(Bar, StringComparison.Ordinal);
}

/// <summary>A lease on a message of one lane that has not ended.</summary>
/// <param name="UntilMs">Milliseconds since 1970.</param>
public readonly record struct LiveLease(string Holder, long Offset, int Epoch, int Delivery, long UntilMs);
