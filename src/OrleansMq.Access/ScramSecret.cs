using System.Security.Cryptography;
using System.Text;

namespace OrleansMq.Access;

/// <summary>The two of RFC 5802 and RFC 7677 that are still sound.</summary>
public enum ScramMechanism
{
    Sha256 = 0,
    Sha512 = 1,
}

/// <summary>What is kept of a password (RFC 5802, section 3): enough to check it, not enough to log in with.</summary>
/// <remarks>
/// SaltedPassword = PBKDF2(password, salt, iterations); StoredKey = H(HMAC(SaltedPassword, "Client Key")); ServerKey = HMAC(SaltedPassword, "Server Key").
/// The password is taken as its UTF-8 bytes without SASLprep, as Kafka's clients do.
/// </remarks>
public sealed class ScramSecret(ScramMechanism mechanism, byte[] salt, int iterations, byte[] storedKey, byte[] serverKey)
{
    /// <summary>What Kafka lets an administrator choose at most (KIP-554); a client computes it at each login.</summary>
    public const int DefaultIterations = 16_384;

    /// <summary>RFC 7677 and Kafka's clients take no fewer.</summary>
    public const int MinIterations = 4_096;

    /// <summary>A stored number beyond it would let one login hold a core for seconds.</summary>
    public const int MaxIterations = 1_000_000;

    public const int SaltBytes = 32;

    public ScramMechanism Mechanism => mechanism;
    public ReadOnlySpan<byte> Salt => salt;
    public int Iterations => iterations;
    public ReadOnlySpan<byte> StoredKey => storedKey;
    public ReadOnlySpan<byte> ServerKey => serverKey;

    /// <summary>Whether it was made of the same password with the same salt, wherever it was read from.</summary>
    public bool IsSame(ScramSecret other) => mechanism == other.Mechanism && iterations == other.Iterations && other.Salt.SequenceEqual(salt) && other.StoredKey.SequenceEqual(storedKey);

    /// <summary>Derives one from a password, with a salt of its own.</summary>
    public static ScramSecret Of(ScramMechanism mechanism, string password) => Of(mechanism, password, RandomNumberGenerator.GetBytes(SaltBytes), DefaultIterations);

    public static ScramSecret Of(ScramMechanism mechanism, string password, byte[] salt, int iterations)
    {
        var salted = Salted(mechanism, password, salt, iterations);
        var made = new ScramSecret(mechanism, salt, iterations, Hash(mechanism, Hmac(mechanism, salted, "Client Key"u8)), Hmac(mechanism, salted, "Server Key"u8));
        CryptographicOperations.ZeroMemory(salted);
        return made;
    }

    /// <summary>Whether it is this password; costs the whole derivation, right or wrong.</summary>
    public bool IsOf(string password)
    {
        var other = Of(mechanism, password, salt, iterations);
        return CryptographicOperations.FixedTimeEquals(other.StoredKey, storedKey);
    }

    /// <summary>For one whose name is unknown: always the same salt for a name, so that nobody learns by asking twice that there is no such user. No password fits.</summary>
    public static ScramSecret OfNobody(ScramMechanism mechanism, string name, ReadOnlySpan<byte> seed)
    {
        var salt = HMACSHA256.HashData(seed, Encoding.UTF8.GetBytes($"{mechanism} salt {name}"));
        var key = RandomNumberGenerator.GetBytes(KeyBytes(mechanism));
        return new ScramSecret(mechanism, salt, DefaultIterations, key, key);
    }

    public static int KeyBytes(ScramMechanism mechanism) => mechanism == ScramMechanism.Sha256 ? SHA256.HashSizeInBytes : SHA512.HashSizeInBytes;

    internal static byte[] Salted(ScramMechanism mechanism, string password, byte[] salt, int iterations) => Rfc2898DeriveBytes.Pbkdf2(
        Encoding.UTF8.GetBytes(password), salt, iterations, mechanism == ScramMechanism.Sha256 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA512, KeyBytes(mechanism));

    internal static byte[] Hmac(ScramMechanism mechanism, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data) =>
        mechanism == ScramMechanism.Sha256 ? HMACSHA256.HashData(key, data) : HMACSHA512.HashData(key, data);

    internal static byte[] Hash(ScramMechanism mechanism, ReadOnlySpan<byte> data) =>
        mechanism == ScramMechanism.Sha256 ? SHA256.HashData(data) : SHA512.HashData(data);

    /// <summary>Nothing of it.</summary>
    public override string ToString() => $"{mechanism} ***";
}
