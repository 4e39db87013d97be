using System.Runtime.CompilerServices;
using OrleansMq.Servers;

namespace OrleansMq.Storage.AzureBlobs.Tests.Azurite;

/// <summary>Azurite from npm, fetched once into artifacts/azurite.</summary>
internal static class AzuritePackage
{
    private const string Package = "azurite@3.37.0";
    private const string HowTo = "These tests run against Azurite, which comes from npm: they need Node.js, and a way to the npm registry.";

    /// <summary>The script that starts the blob service.</summary>
    public static async Task<string> Script()
    {
        var folder = Path.Join(Root(), "artifacts", "azurite");
        var script = Path.Join(folder, "node_modules", "azurite", "dist", "src", "blob", "main.js");
        Directory.CreateDirectory(folder);
        // Another test run on this machine may be fetching it just now.
        await using var turn = await Installation.Turn(Path.Join(folder, "lock"));
        var complete = Path.Join(folder, Package + ".complete");
        if (!File.Exists(complete) || !File.Exists(script))
        {
            await Installation.Run(HowTo, "npm", "install", Package, "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error");
            await File.WriteAllTextAsync(complete, "");
        }
        return script;
    }

    private static string Root([CallerFilePath] string here = "")
    {
        var folder = Path.GetDirectoryName(here);
        while (folder is not null && !File.Exists(Path.Join(folder, "OrleansMq.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException($"No OrleansMq.sln above {here}.");
    }
}
