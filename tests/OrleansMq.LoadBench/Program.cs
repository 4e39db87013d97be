using OrleansMq.LoadBench;
using OrleansMq.LoadBench.Measuring;
using OrleansMq.LoadBench.Scenarios;

IScenario[] scenarios =
[
    new LimitsScenario(), new ThroughputScenario(), new QueueScenario(), new LatencyScenario(), new BacklogScenario(), new FanoutScenario(),
    new QueuesScenario(), new TopicsScenario(), new PartitionsScenario(), new RestartScenario(), new WorkersScenario(), new DelayScenario(), new PendingScenario(), new ReconcileScenario(), new HttpScenario(), new FloodScenario(),
#if BLOBS
    new BlobsScenario(),
#endif
#if ORLEANS
    new ClusterScenario(), new StreamsScenario(),
#endif
];

if (args is [] or ["--help"] or ["-h"])
{
    Console.WriteLine(Usage.Of(scenarios));
    return args is [] ? 2 : 0;
}

if (args is [RestartScenario.ChildName, .. var childArgs])
    return await RestartScenario.RunChild(childArgs);
if (args is [PendingProcess.ChildName, .. var pendingArgs])
    return await PendingProcess.RunChild(pendingArgs);
#if ORLEANS
if (args is [OrleansMq.LoadBench.Cluster.BenchSilo.ChildName, .. var siloArgs])
    return await OrleansMq.LoadBench.Cluster.BenchSilo.RunChild(siloArgs);
#endif

if (scenarios.FirstOrDefault(each => each.Name == args[0]) is not { } scenario)
{
    Console.Error.WriteLine($"There is no scenario '{args[0]}'; --help lists them.");
    return 2;
}

if (args.Contains("--help"))
{
    Console.WriteLine(Usage.Of(scenario));
    return 0;
}

try
{
    return await Runs.Of(scenario, BenchOptions.Parse(args[1..]));
}
catch (ArgumentException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
