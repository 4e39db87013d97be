using System.Globalization;
using OrleansMq.Client.Grains;

namespace OrleansMq.Server.Placement;

/// <summary>
/// Which silo of those that there are serves what: for each topic the silos stand in an order of its own, and its partitions take them in turn. So every topic is
/// spread evenly, topics with one partition are spread by chance, and all silos come to the same answer without asking each other.
/// </summary>
internal static class Spread
{
    /// <summary>Where a partition belongs.</summary>
    /// <param name="silos">Not empty.</param>
    public static SiloAddress OfPartition(string key, IReadOnlyList<SiloAddress> silos)
    {
        var (topicId, _, number) = GrainKeys.Read(key);
        return InTurn(topicId.ToString("N"), int.Parse(number, CultureInfo.InvariantCulture), silos);
    }

    /// <summary>Where a group belongs: with the topic's first partition.</summary>
    public static SiloAddress OfGroup(string key, IReadOnlyList<SiloAddress> silos) => InTurn(GrainKeys.Read(key).TopicId.ToString("N"), 0, silos);

    public static SiloAddress OfTopic(string key, IReadOnlyList<SiloAddress> silos) => InTurn(key, 0, silos);

    private static SiloAddress InTurn(string whose, int turn, IReadOnlyList<SiloAddress> silos)
    {
        if (silos.Count == 1)
            return silos[0];
        var order = silos.OrderBy(silo => Hash(whose, silo.GetConsistentHashCode())).ThenBy(silo => silo).ToList();
        return order[turn % order.Count];
    }

    /// <summary>FNV-1a, finished as MurmurHash3 does so that neighbours differ.</summary>
    private static uint Hash(string whose, int silo)
    {
        var hash = 2166136261u;
        foreach (var c in whose)
            hash = (hash ^ c) * 16777619u;
        hash ^= (uint)silo;
        hash = (hash ^ hash >> 16) * 0x85EBCA6Bu;
        hash = (hash ^ hash >> 13) * 0xC2B2AE35u;
        return hash ^ hash >> 16;
    }
}
