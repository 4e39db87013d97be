using Spectre.Console;

namespace OrleansMq.Cli;

/// <summary>A moving bar on standard error while a person looks at it; nothing otherwise.</summary>
internal static class LiveProgress
{
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(200);

    /// <param name="read">How far it is, of how much; null where nobody knows.</param>
    public static async Task Show(MqConsole console, string what, Func<(long Done, long? Of)> read, Task work)
    {
        if (console.ErrorIsTerminal)
            await AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(console.Error) })
                .Progress()
                .AutoClear(true)
                .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new ElapsedTimeColumn())
                .StartAsync(screen => Follow(screen, what, read, work));
        await work;
    }

    private static async Task Follow(ProgressContext screen, string what, Func<(long Done, long? Of)> read, Task work)
    {
        var task = screen.AddTask(what);
        do
        {
            var (done, of) = read();
            task.IsIndeterminate = of is null;
            task.MaxValue = Math.Max(1, of ?? 1);
            task.Value = of is null ? 0 : done;
            task.Description = Markup.Escape($"{what} {done:N0}");
        }
        while (await Task.WhenAny(work, Task.Delay(Frame)) != work);
    }
}
