namespace OrleansMq.Simulation.Histories;

/// <summary>How much a history holds: what was promised, and what was found again of it.</summary>
/// <param name="Acknowledged">Messages acknowledged as durable, each once.</param>
/// <param name="Lost">Of those, not where they were said to be at the end.</param>
/// <param name="Stored">Messages there at the end.</param>
/// <param name="Duplicates">Messages there more than once although their session or token forbids it.</param>
/// <param name="Delivered">Leases given.</param>
/// <param name="Settled">Leases acknowledged, and the broker said yes.</param>
public sealed record Tally(int Acknowledged, int Lost, int Stored, int Duplicates, int Delivered, int Settled)
{
    public static readonly Tally Zero = new(0, 0, 0, 0, 0, 0);

    public static Tally Of(History history)
    {
        var acknowledged = history.Sent.Values
            .SelectMany(sent => sent.Attempts.Where(attempt => attempt is { Outcome: Outcome.Ok, Durable: true }).Select(attempt => (Sent: sent, Place: new Place(sent.Topic, attempt.Partition), attempt.Offset)))
            .DistinctBy(each => each.Sent.Uid).Where(each => history.Final.ContainsKey(each.Place)).ToList();
        // Below the start it was removed as asked, by retention or by hand; of a compacted topic CompactionCheck looks for what must be there.
        var lost = acknowledged.Count(each => each.Place.Topic != Clients.Population.Latest && each.Offset >= history.Final[each.Place].Start && !history.Final[each.Place].Records.ContainsKey(each.Offset));
        return new Tally(
            acknowledged.Count,
            lost,
            history.Final.Values.Sum(log => log.Records.Count),
            history.Final.Values.Sum(log => log.Records.Values.Where(record => history.Sent.TryGetValue(record.Uid, out var sent) && (sent.Session ?? sent.Token) is not null).GroupBy(record => record.Uid).Sum(same => same.Count() - 1)),
            history.Given.Count,
            history.Given.Values.Sum(given => given.Settled.Count(settled => settled is { Kind: SettlementKind.Acknowledge, IsOk: true })));
    }

    public Tally Plus(Tally other) => new(
        Acknowledged + other.Acknowledged, Lost + other.Lost, Stored + other.Stored, Duplicates + other.Duplicates, Delivered + other.Delivered, Settled + other.Settled);

    public override string ToString() =>
        $"{Acknowledged} messages acknowledged as durable, {Lost} lost; {Stored} stored at the end, {Duplicates} of them twice against session or token; {Delivered} leases, {Settled} acknowledged";
}
