namespace OrleansMq.Samples;

/// <summary>Where things lie in the clone that the sample runs from.</summary>
internal static class Clone
{
    public static string Root { get; } = FindRoot();

    /// <summary>The broker built with the same configuration as the sample (the sample's project refers to it, so that it is built before).</summary>
    public static string BrokerProgram
    {
        get
        {
            var framework = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
            var program = Path.Combine(Root, "silo", "bin", framework.Parent!.Name, framework.Name, "orleansmq.dll");
            return File.Exists(program) ? program : throw new SetUpException($"{program} is not there; build the solution first.");
        }
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "OrleansMq.sln")))
                return folder.FullName;
        throw new SetUpException("The sample runs from a clone of the repository; there is no OrleansMq.sln above it.");
    }
}
