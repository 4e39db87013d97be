using System.Text;
using OrleansMq.Records;

namespace OrleansMq.Conformance.Broker;

/// <summary>Keys and tokens that go to given partitions of given numbers of them.</summary>
internal static class PlacedNames
{
    public static string KeyOf(params (int Partition, int Of)[] places) => NameOf("k", places);

    public static string TokenOf(params (int Partition, int Of)[] places) => NameOf("token-", places);

    private static string NameOf(string stem, (int Partition, int Of)[] places) => Enumerable.Range(0, 10_000).Select(n => $"{stem}{n}")
        .First(name => places.All(place => Murmur2.PartitionFor(Encoding.UTF8.GetBytes(name), place.Of) == place.Partition));
}
