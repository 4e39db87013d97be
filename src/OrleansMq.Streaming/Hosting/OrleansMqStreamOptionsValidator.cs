using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansMq;

namespace Orleans.Hosting;

/// <summary>Refuses at start what can't work, and names it.</summary>
internal sealed class OrleansMqStreamOptionsValidator(IServiceProvider services, string name, bool isSilo) : IConfigurationValidator
{
    public void ValidateConfiguration()
    {
        var options = services.GetRequiredService<IOptionsMonitor<OrleansMqStreamOptions>>().Get(name);
        foreach (var fault in FaultsOf(name, options))
            throw new OrleansConfigurationException($"Stream provider '{name}': {fault}");
        if (isSilo)
            ValidateAgent(services.GetRequiredService<IOptionsMonitor<StreamPullingAgentOptions>>().Get(name));
    }

    internal static IEnumerable<string> FaultsOf(string name, OrleansMqStreamOptions options)
    {
        foreach (var (setting, value) in (ReadOnlySpan<(string, string?)>)[(nameof(options.Topic), options.Topic ?? name), (nameof(options.Group), options.Group), (nameof(options.DeadLetterTopic), options.DeadLetterTopic)])
            if (value is not null && !NameRule.IsValid(value))
                return [$"{setting} '{value}' is no name of a topic or group."];
        List<string> faults = [];
        Require(options.Partitions is >= 1 and <= TopicSettings.MaxPartitions, nameof(options.Partitions), options.Partitions, $"1 to {TopicSettings.MaxPartitions}");
        Require(options.CacheBytes >= 1 << 20, nameof(options.CacheBytes), options.CacheBytes, "at least 1 MiB");
        Require(options.SubscriptionCacheBytes >= 4096, nameof(options.SubscriptionCacheBytes), options.SubscriptionCacheBytes, "at least 4 KiB");
        Require(options.SubscriptionCacheBytes <= options.CacheBytes / 2, nameof(options.SubscriptionCacheBytes), options.SubscriptionCacheBytes, $"at most half of {nameof(options.CacheBytes)}");
        Require(options.MaxBatchEvents is >= 1 and <= 10_000, nameof(options.MaxBatchEvents), options.MaxBatchEvents, "1 to 10,000");
        Require(options.MaxBatchBytes >= 1, nameof(options.MaxBatchBytes), options.MaxBatchBytes, "at least 1");
        Require(options.ReadBytes >= 4096, nameof(options.ReadBytes), options.ReadBytes, "at least 4 KiB");
        Require(options.MaxDeliveries >= 1, nameof(options.MaxDeliveries), options.MaxDeliveries, "at least 1");
        Require(options.CheckpointInterval > TimeSpan.Zero, nameof(options.CheckpointInterval), options.CheckpointInterval, "more than zero");
        Require(options.StallAfter > TimeSpan.Zero, nameof(options.StallAfter), options.StallAfter, "more than zero");
        Require(options.SendTimeout > TimeSpan.Zero, nameof(options.SendTimeout), options.SendTimeout, "more than zero");
        Require(options.Backoff.All(delay => delay >= TimeSpan.Zero), nameof(options.Backoff), string.Join(", ", options.Backoff), "not negative");
        return faults;

        void Require(bool holds, string setting, object value, string range)
        {
            if (!holds)
                faults.Add($"{setting} is {range}; {value} was given.");
        }
    }

    private void ValidateAgent(StreamPullingAgentOptions agent)
    {
        // The agent would move its cursor over several batches before it delivers them; what it moved over counts as settled.
        if (agent.BatchContainerBatchSize != 1)
            throw new OrleansConfigurationException($"Stream provider '{name}': {nameof(agent.BatchContainerBatchSize)} is 1; {agent.BatchContainerBatchSize} was given. "
                + $"{nameof(OrleansMqStreamOptions.MaxBatchEvents)} says how many events go in one call.");
    }
}
