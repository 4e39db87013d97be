using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace OrleansMq.Storage.AzureBlobs.Tests.Azurite;

/// <summary>Azurite from npm, fetched once into artifacts/azurite.</summary>
internal static class AzuritePackage
{
    private const string Package = "azurite@3.37.0";

    /// <summary>The script that starts the blob service.</summary>
    public static async Task<string> Script()
    {
        var folder = Path.Join(Root(), "artifacts", "azurite");
        var script = Path.Join(folder, "node_modules", "azurite", "dist", "src", "blob", "main.js");
        Directory.CreateDirectory(folder);
        // Another test run on this machine may be fetching it just now.
        await using var turn = await Turn(Path.Join(folder, "lock"));
        var complete = Path.Join(folder, Package + ".complete");
        if (!File.Exists(complete) || !File.Exists(script))
        {
            await Npm("install", Package, "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error");
            await File.WriteAllTextAsync(complete, "");
        }
        return script;
    }

    private static async Task<FileStream> Turn(string path)
    {
        for (var deadline = DateTime.UtcNow.AddMinutes(5); ;)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (DateTime.UtcNow < deadline)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200));
            }
        }
    }

    private static async Task Npm(params string[] arguments)
    {
        var start = new ProcessStartInfo("npm", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var npm = Process.Start(start)!;
            var said = npm.StandardError.ReadToEndAsync();
            await npm.StandardOutput.ReadToEndAsync();
            await npm.WaitForExitAsync();
            if (npm.ExitCode != 0)
                throw new InvalidOperationException($"'npm install {Package}' ended with {npm.ExitCode}. Is there a way to the npm registry from here?\n{await said}");
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException($"npm can't be started ({e.Message}). These tests run against Azurite, which comes from npm: install Node.js.", e);
        }
    }

    private static string Root([CallerFilePath] string here = "")
    {
        var folder = Path.GetDirectoryName(here);
        while (folder is not null && !File.Exists(Path.Join(folder, "OrleansMq.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException($"No OrleansMq.sln above {here}.");
    }
}
