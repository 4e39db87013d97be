using System.Security.Cryptography;
using System.Text;
using Orleans.Storage;

namespace OrleansMq.Server.Documents;

/// <summary>Under which name a grain storage keeps a grain's state.</summary>
internal static class StateName
{
    private const string Documents = "documents";

    // Orleans' storage on ADO.NET leaves out what kind of grain a key is of, and takes a key such as "01" for the number 1:
    // a topic and a consumer group of one name, or topics "1" and "01", would be one row.
    private const string KeepsKeysAlone = "Orleans.Storage.AdoNetGrainStorage";

    /// <summary>Whether the storage keeps two grains apart by themselves; else the state's name has to.</summary>
    public static bool AreKeptApart(IGrainStorage? storage) => storage?.GetType().FullName != KeepsKeysAlone;

    /// <param name="part">Of a second state of the grain.</param>
    public static string Of(GrainId grain, bool keptApart, string? part = null)
    {
        var name = keptApart ? Documents : $"{Documents}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(grain.ToString())))}";
        return part is null ? name : $"{name}-{part}";
    }
}
