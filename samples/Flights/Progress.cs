using Spectre.Console;

namespace OrleansMq.Samples.Flights;

/// <summary>What is going on: moving bars at a terminal, else a line every two seconds.</summary>
internal static class Progress
{
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(2);

    /// <summary>A bar: its name, and how far it is of how much.</summary>
    internal sealed record Bar(string Name, Func<(long Done, long Of)> Read);

    /// <summary>Shows the bars until the work ends, and ends as the work does.</summary>
    public static Task Show(string title, Task work, params IReadOnlyList<Bar> bars) =>
        Console.IsOutputRedirected ? Lines(title, work, bars) : Bars(work, bars);

    private static async Task Bars(Task work, IReadOnlyList<Bar> bars)
    {
        await AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async screen =>
            {
                var tasks = bars.Select(bar => screen.AddTask(bar.Name)).ToList();
                do
                {
                    for (var i = 0; i < bars.Count; i++)
                        Update(tasks[i], bars[i]);
                }
                while (await Task.WhenAny(work, Task.Delay(Frame)) != work);
                for (var i = 0; i < bars.Count; i++)
                    Update(tasks[i], bars[i]);
            });
        await work;
    }

    private static void Update(ProgressTask task, Bar bar)
    {
        var (done, of) = bar.Read();
        task.MaxValue = Math.Max(1, of);
        task.Value = done;
        task.Description = $"{bar.Name} [grey]{done:N0}/{of:N0}[/]";
    }

    private static async Task Lines(string title, Task work, IReadOnlyList<Bar> bars)
    {
        while (await Task.WhenAny(work, Task.Delay(LineEvery)) != work)
            Console.WriteLine(Line(title, bars));
        Console.WriteLine(Line(title, bars));
        await work;
    }

    private static string Line(string title, IReadOnlyList<Bar> bars) =>
        $"  {title}: " + string.Join(", ", bars.Select(bar => bar.Read() is var (done, of) ? $"{bar.Name} {done:N0}/{of:N0}" : ""));
}
