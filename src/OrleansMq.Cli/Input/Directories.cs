using System.CommandLine;
using OrleansMq.Access;

namespace OrleansMq.Cli.Input;

/// <summary>Where users and rules are changed: at the broker, or in a file that brokers read (<c>--users</c>), without one.</summary>
internal static class Directories
{
    public static Option<string?> File() => new("--file") { Description = "Change this file instead of asking a broker; made if it is not there. Brokers read it with --users.", HelpName = "FILE" };

    public static async Task<int> Use(Invocation run, Option<string?> file, Func<IAccessDirectory, Task> use)
    {
        if (run.Get(file) is not { } path)
        {
            await use(run.Broker.Access ?? throw new UsageException("This broker's address leads to no users and rules."));
            return ExitCode.Done;
        }
        await using var control = await AccessControl.Start(new FileAccessStore(path, readOnly: false), new AccessControlOptions { NeedsAdmin = false }, run.Cancel);
        await use(control.Directory);
        return ExitCode.Done;
    }
}
