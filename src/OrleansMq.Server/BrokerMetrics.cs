using System.Diagnostics.Metrics;
using OrleansMq.Server.Groups;
using OrleansMq.Server.Partitions;

namespace OrleansMq.Server;

/// <summary>
/// The figures of a silo, in the meter <c>OrleansMq.Server</c>. Without names of topics as tags, for there may be a million; a topic's own figures come from describing it.
/// </summary>
internal sealed class BrokerMetrics : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _batches;
    private readonly Counter<long> _bytes;
    private readonly Counter<long> _deliveries;
    private readonly Counter<long> _opened;
    private readonly Counter<long> _stopped;

    public BrokerMetrics(IMeterFactory meters, BrokerSilo silo)
    {
        _meter = meters.Create("OrleansMq.Server");
        _batches = _meter.CreateCounter<long>("orleansmq.append.batches", "{batch}", "Batches that partitions of this silo took.");
        _bytes = _meter.CreateCounter<long>("orleansmq.append.bytes", "By", "Their bytes.");
        _deliveries = _meter.CreateCounter<long>("orleansmq.deliveries", "{message}", "Messages given under a lease by partitions of this silo.");
        _opened = _meter.CreateCounter<long>("orleansmq.partitions.opened", "{partition}", "Openings of logs on this silo.");
        _stopped = _meter.CreateCounter<long>("orleansmq.partitions.stopped", "{partition}", "Partitions that found themselves fenced, or whose medium failed.");
        _meter.CreateObservableGauge("orleansmq.partitions.resident", () => silo.Residents.Count(resident => resident.Value is PartitionGrain), "{partition}", "Partitions in memory.");
        _meter.CreateObservableGauge("orleansmq.groups.resident", () => silo.Residents.Count(resident => resident.Value is ConsumerGroupGrain or CoordinationGrain), "{group}", "Consumer groups in memory.");
    }

    public void Appended(int bytes)
    {
        _batches.Add(1);
        _bytes.Add(bytes);
    }

    public void Delivered(int messages) => _deliveries.Add(messages);

    public void Opened() => _opened.Add(1);

    public void Stopped() => _stopped.Add(1);

    public void Dispose() => _meter.Dispose();
}
