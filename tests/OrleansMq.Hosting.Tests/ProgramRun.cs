using System.Diagnostics;

namespace OrleansMq.Hosting.Tests;

/// <summary>A program of this repository, as it was built beside this test, from start to end.</summary>
internal sealed record ProgramRun(int Code, string Output, string Errors)
{
    public static Task<ProgramRun> Orleansmq(string arguments) => Of("silo", "orleansmq.dll", arguments);

    public static Task<ProgramRun> Mq(string arguments) => Of(Path.Combine("src", "OrleansMq.Cli"), "mq.dll", arguments);

    private static async Task<ProgramRun> Of(string project, string program, string arguments)
    {
        // …/tests/NAME/bin/CONFIGURATION/FRAMEWORK: every project has the same tail.
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        var root = here.Parent!.Parent!.Parent!.Parent!.Parent!.FullName;
        using var process = Process.Start(new ProcessStartInfo("dotnet", $"{Path.Combine(root, project, "bin", here.Parent.Name, here.Name, program)} {arguments}")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return new ProgramRun(process.ExitCode, await output, await errors);
    }
}
