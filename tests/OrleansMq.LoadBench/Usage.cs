namespace OrleansMq.LoadBench;

internal static class Usage
{
    private const string OptionList =
        """
        Options
          --size BYTES       of a message's body; 100
          --count N          messages of one run; each scenario has its own default
          --seconds S        length of one run, where a scenario runs by time
          --batch N          messages of one record batch; 100
          --acks LEVEL       durable or accepted; both, one after the other, when not given
          --partitions P     each scenario has its own default
          --inflight N       appends on their way at once; 256
          --percall N        messages of one receive and of one settle; 1000
          --rate N           messages a second, where they come by the clock; 10000
          --data DIR         where brokers keep their data (a folder each, deleted afterwards); {tmp}/orleansmq-bench
          --memory           brokers in memory: what everything but the disk costs
          --journal          brokers with a journal: one flush for small changes of many partitions
          --blobs CONNECTION a storage account, or Azurite; for the scenario blobs
          --runs N           the table has the median, the lowest and the highest of them; 3
          --only TEXT        only the parts of a scenario whose name contains TEXT
          --json FILE        the same figures for programs

        Before the runs, 1 GiB of memory is touched and one run of a quarter is made and thrown away. Before each run the machine's own
        limits are measured in the same folder; a ratio is taken within its run, and the table has the median of the ratios.
        """;

    public static string Of(IEnumerable<IScenario> scenarios) =>
        $"""
         OrleansMq.LoadBench SCENARIO [options]

         Scenarios
         {string.Join('\n', scenarios.Select(each => $"  {each.Name,-12} {each.Summary}"))}

         {OptionList}
         SCENARIO --help says what a scenario does and how its figures are meant.
         """;

    public static string Of(IScenario scenario) => $"{scenario.Name}: {scenario.Summary}\n\n{scenario.Help}\n\n{OptionList}";
}
