using System.Diagnostics;
using System.Globalization;
using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class RestartScenario : IScenario
{
    /// <summary>This program as the one that is killed.</summary>
    public const string ChildName = "restart-child";

    private const string Topic = "load";
    private const string Filled = "filled";
    private const string Serving = "serving";

    public string Name => "restart";

    public string Summary => "kill -9 with a log of millions, then the time until it serves again";

    public string Help =>
        """
        A process of its own appends --count messages (default 10,000,000; accepted, then one durable batch), goes on appending, and is killed with SIGKILL. A new process opens the folder and serves:
        it appends a batch durably to every partition and reads the last message of each. "since the process began" has the .NET runtime's start in it, "since the broker
        began" has not. "kept": messages found, those appended behind the fill included. Default: 1 partition.
        """;

    public async Task Run(Bench bench)
    {
        using var folder = bench.Folder();
        var load = Load.Of(bench, 10_000_000, Acks.Accepted);
        using (var filling = Start(Filled, folder.Path, load))
        {
            await Expect(filling, Filled);
            await Task.Delay(50);
            filling.Kill();
            await filling.WaitForExitAsync();
        }

        var began = Stopwatch.GetTimestamp();
        using var serving = Start(Serving, folder.Path, load);
        var answer = await Expect(serving, Serving);
        var whole = Stopwatch.GetElapsedTime(began).TotalSeconds;
        await serving.WaitForExitAsync();
        bench.Add("serving since the broker began", double.Parse(answer[1], CultureInfo.InvariantCulture), "s");
        bench.Add("serving since the process began", whole, "s");
        bench.Add("kept", double.Parse(answer[2], CultureInfo.InvariantCulture), "messages");
        if (long.Parse(answer[2], CultureInfo.InvariantCulture) < load.Count)
            throw new InvalidOperationException($"{load.Count} messages were acknowledged, {answer[2]} were found.");
    }

    public static async Task<int> RunChild(string[] args)
    {
        var options = BenchOptions.Parse(args[1..]);
        var load = new Load(Topic, options.Count!.Value) { Size = options.Size, Batch = options.Batch, InFlight = options.InFlight, Partitions = options.Partitions ?? 1, Acks = Acks.Accepted };
        var began = Stopwatch.GetTimestamp();
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Data = options.Data, OnReport = Console.Error.WriteLine });
        if (args[0] == Filled)
            await Fill(broker, load);
        else
            await Serve(broker, load, began);
        return 0;
    }

    private static async Task Fill(EmbeddedBroker broker, Load load)
    {
        await load.CreateTopic(broker);
        await BatchWriting.Run(broker, load);
        await BatchWriting.Run(broker, Durable(load));
        Console.WriteLine(Filled);
        await BatchWriting.Run(broker, load with { Count = long.MaxValue / 2 });
    }

    private static async Task Serve(EmbeddedBroker broker, Load load, long began)
    {
        await BatchWriting.Run(broker, Durable(load));
        long kept = 0;
        for (var partition = 0; partition < load.Partitions; partition++)
        {
            var end = await broker.FindOffset(load.Topic, partition, StartAt.Latest);
            using var read = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor(load.Topic, partition, end - 1)] });
            if (read.Partitions[0].Batches.IsEmpty)
                throw new InvalidOperationException($"Message {end - 1} of partition {partition} can't be read.");
            kept += end;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Serving} {Stopwatch.GetElapsedTime(began).TotalSeconds} {kept - load.Partitions}"));
    }

    private static Load Durable(Load load) => load with { Count = load.Partitions, Batch = 1, Acks = Acks.Durable };

    private static Process Start(string part, string folder, Load load) => Process.Start(new ProcessStartInfo(
        Environment.ProcessPath!,
        [ChildName, part, "--data", folder, "--count", $"{load.Count}", "--size", $"{load.Size}", "--batch", $"{load.Batch}", "--inflight", $"{load.InFlight}", "--partitions", $"{load.Partitions}"])
    {
        RedirectStandardOutput = true,
    })!;

    private static async Task<string[]> Expect(Process process, string word) =>
        (await process.StandardOutput.ReadLineAsync())?.Split(' ') is { } line && line[0] == word
            ? line
            : throw new InvalidOperationException($"The process ended, or said something else, before '{word}'.");
}
