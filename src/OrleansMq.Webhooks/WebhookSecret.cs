using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace OrleansMq.Webhooks;

/// <summary>A secret by which a receiver knows that a request comes from this broker, and signs it as Standard Webhooks 1.0 has it: HMAC-SHA256 over <c>id.timestamp.body</c>.</summary>
public sealed class WebhookSecret : IEquatable<WebhookSecret>
{
    public const int MinBytes = 24;
    public const int MaxBytes = 64;

    private const string Prefix = "whsec_";

    private readonly byte[] _key;

    private WebhookSecret(byte[] key) => _key = key;

    /// <param name="text"><c>whsec_</c> and 24 to 64 bytes as base64.</param>
    /// <exception cref="FormatException">It is none; the text is not repeated.</exception>
    public static WebhookSecret Parse(string text)
    {
        var key = new byte[MaxBytes + 1];
        if (!text.StartsWith(Prefix, StringComparison.Ordinal) || !Convert.TryFromBase64String(text[Prefix.Length..], key, out var bytes) || bytes is < MinBytes or > MaxBytes)
            throw new FormatException($"a secret is {Prefix} and {MinBytes} to {MaxBytes} bytes as base64");
        return new WebhookSecret(key[..bytes]);
    }

    /// <returns>A value of <c>webhook-signature</c>.</returns>
    public string Sign(string id, long unixSeconds, ReadOnlySpan<byte> body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        hmac.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{unixSeconds}.")));
        hmac.AppendData(body);
        return "v1," + Convert.ToBase64String(hmac.GetHashAndReset());
    }

    /// <summary>The first 12 hex digits of the bytes' SHA-256: tells one secret from another, and not what it is.</summary>
    public string Fingerprint => Convert.ToHexStringLower(SHA256.HashData(_key).AsSpan(0, 6));

    /// <summary>The secret itself, to be stored and nothing else.</summary>
    internal string Reveal() => Prefix + Convert.ToBase64String(_key);

    public bool Equals(WebhookSecret? other) => other is not null && CryptographicOperations.FixedTimeEquals(_key, other._key);

    public override bool Equals(object? obj) => Equals(obj as WebhookSecret);

    public override int GetHashCode() => _key.Length;

    /// <summary>Never the secret: it would stand in logs.</summary>
    public override string ToString() => "a secret";
}
