using System.Security.Cryptography;

namespace OrleansMq;

/// <summary>Names of groups for one instance: nobody has had one before, and nobody can guess it.</summary>
public static class EphemeralName
{
    private const int RandomBytes = 16;

    /// <summary>The prefix, a hyphen, and 128 bits by chance.</summary>
    /// <exception cref="ArgumentException">With this prefix it is no name of a group.</exception>
    public static GroupName Of(string prefix) => new($"{prefix}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(RandomBytes))}");
}
