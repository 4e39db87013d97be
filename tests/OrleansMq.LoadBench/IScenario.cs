using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench;

/// <summary>One kind of load. It is run several times, each time on fresh brokers.</summary>
internal interface IScenario
{
    string Name { get; }

    string Summary { get; }

    /// <summary>What is done, and what each figure means.</summary>
    string Help { get; }

    Task Run(Bench bench);
}
