using System.Security.Cryptography.X509Certificates;

namespace OrleansMq.Gateways;

/// <summary>Sets of roots that may have no key in common, for whom one lets in must not come in by the other. One for a process; each set is what its owner goes by at the moment.</summary>
/// <remarks>By the key alone: a root that was issued anew, under another name or number, signs the same.</remarks>
public sealed class SeparateRoots
{
    private readonly Dictionary<object, X509Certificate2Collection> _sets = new(ReferenceEqualityComparer.Instance);

    /// <returns>A root of one whose key another has too; null where there is none.</returns>
    public static X509Certificate2? InCommon(X509Certificate2Collection one, X509Certificate2Collection other)
    {
        var keys = other.Select(KeyOf).ToHashSet(StringComparer.Ordinal);
        return one.FirstOrDefault(root => keys.Contains(KeyOf(root)));
    }

    /// <summary>From now on the owner goes by these.</summary>
    /// <exception cref="IOException">Another's has one of their keys; the owner's stay as they were.</exception>
    public void Set(object owner, string file, X509Certificate2Collection roots)
    {
        lock (_sets)
        {
            if (_sets.Where(each => !ReferenceEquals(each.Key, owner)).Select(each => InCommon(roots, each.Value)).FirstOrDefault(root => root is not null) is { } common)
                throw new IOException($"{file} has a root ({common.Subject}) whose key is among the roots that the users' certificates and those of Orleans' ports must not share; give each a root of its own.");
            _sets[owner] = roots;
        }
    }

    // The bits of the key: how its algorithm is written beside them may differ for one key.
    private static string KeyOf(X509Certificate2 certificate) => Convert.ToHexString(certificate.PublicKey.EncodedKeyValue.RawData);
}
