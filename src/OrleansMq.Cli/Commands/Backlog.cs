using System.Globalization;

namespace OrleansMq.Cli.Commands;

/// <summary>Why a group's backlog is what it is: decided from what was seen of it.</summary>
internal sealed record Backlog
{
    public required GroupSettings Settings { get; init; }

    /// <summary>Messages not settled.</summary>
    public required long Lag { get; init; }

    public required int InFlight { get; init; }

    /// <summary>Members of log style, consumers that asked in the last minute of queue style.</summary>
    public required int Consumers { get; init; }

    /// <summary>Messages a second that came in and that were settled while it was watched.</summary>
    public required double In { get; init; }

    public required double Out { get; init; }

    public required UnsettledCounts Counts { get; init; }

    public required StageTimes Times { get; init; }

    /// <summary>The key that most of the oldest unsettled messages have, and its share of them.</summary>
    public (string Key, double Share)? HotKey { get; init; }

    /// <summary>The partition with most of the lag, and its share; null where there is one partition.</summary>
    public (int Partition, double Share)? HotPartition { get; init; }

    /// <summary>Partitions that are not served, with why.</summary>
    public IReadOnlyList<string> Unserved { get; init; } = [];

    /// <summary>Null: it does not get shorter.</summary>
    public TimeSpan? TimeToDrain => Lag == 0 ? TimeSpan.Zero : Out > In ? TimeSpan.FromSeconds(Math.Min(Lag / (Out - In), 3.15e8)) : null;

    /// <summary>The gravest first. Empty: nothing stands out.</summary>
    public IReadOnlyList<(string Code, string Text)> Causes()
    {
        var causes = new List<(string, string)>();
        foreach (var unserved in Unserved)
            causes.Add(("not-served", unserved));
        if (Lag > 0)
            AddStanding(causes);
        if (Counts.Dead > 0 || Times.DeadLettered > 0)
            causes.Add(("poison", Text($"{Counts.Dead} dead letters, {Times.DeadLettered} of them new: 'mq dlq list' shows why")));
        return causes;
    }

    private void AddStanding(List<(string, string)> causes)
    {
        var isQueue = Settings.Style == GroupStyle.Queue;
        if (Settings.Paused)
            causes.Add(("paused", "the group is paused: 'mq group resume' lets it go on"));
        else if (Consumers == 0)
            causes.Add(("no-consumer", isQueue ? "no consumer has asked within the last minute" : "the group has no member"));
        if (isQueue && InFlight >= Settings.MaxInFlight)
            causes.Add(("in-flight", Text($"all {Settings.MaxInFlight} leases of maxInFlight are out: nothing is delivered until one is settled or lapses")));
        if (Settings.RatePerSecond is { } rate && Out >= 0.8 * rate)
            causes.Add(("throttled", Text($"the group's own rate is {rate:0.##} a second, and it settles {Out:0.##}")));
        if (Counts.Returned > 0 && Counts.Returned * 5 >= Lag)
            causes.Add(("returned", Text($"{Counts.Returned} of {Lag} were refused, or their lease lapsed, and wait to come again: 'mq reconcile --cause returned'")));
        if (Times.Redeliveries > 0 && Times.Redeliveries * 5 >= Times.Wait.Count)
            causes.Add(("redeliveries", Text($"{Times.Redeliveries} redeliveries of {Times.Wait.Count} messages: handlers fail, or take longer than the lease of {Settings.Lease.TotalSeconds:0.#} s")));
        if (HotKey is { Share: >= 0.5 } key && (Settings.ByKey || Settings.Style == GroupStyle.Log))
            causes.Add(("hot-key", Text($"{key.Share:0%} of the oldest unsettled messages have the key '{key.Key}', which one consumer at a time works on")));
        if (HotPartition is { Share: >= 0.6 } partition)
            causes.Add(("hot-partition", Text($"{partition.Share:0%} of the lag is in partition {partition.Partition}")));
        AddHandlers(causes, isQueue);
    }

    /// <summary>How many handlings at once the messages that come in keep busy: their number a second times the seconds of each.</summary>
    private void AddHandlers(List<(string, string)> causes, bool isQueue)
    {
        if (!isQueue || Consumers == 0 || Times.Handle.Count == 0 || In <= Out)
            return;
        var mean = (double)Times.Handle.SumMs / Times.Handle.Count;
        var wanted = In * mean / 1000;
        if (wanted > Math.Max(1, InFlight))
            causes.Add(("slow-handlers", Text($"a message takes a consumer {mean:0} ms; {In:0.##} a second need {Math.Ceiling(wanted):0} at once, and {InFlight} are at work")));
        else if (causes.Count == 0)
            causes.Add(("slow-consumers", Text($"{Consumers} consumers settle {Out:0.##} a second, {In:0.##} come in: more consumers, or larger batches")));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
