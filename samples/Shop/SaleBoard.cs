using System.Globalization;

namespace OrleansMq.Samples.Shop;

/// <summary>What buyers were told. Where the sale runs in a process that is to be killed, it is said on standard output and heard outside.</summary>
internal sealed class SaleBoard(Action<string>? say = null)
{
    private readonly Lock _gate = new();
    private readonly HashSet<int> _accepted = [];
    private readonly HashSet<int> _refused = [];

    public int AcceptedCount => Locked(() => _accepted.Count);

    public int RefusedCount => Locked(() => _refused.Count);

    /// <summary>Orders of which a buyer was told both.</summary>
    public int Contradictions => Locked(() => _accepted.Count(_refused.Contains));

    public IReadOnlyList<int> AcceptedOrders => Locked(() => _accepted.Order().ToList());

    public void Accepted(int order) => Tell(_accepted, order, "accepted");

    public void Refused(int order) => Tell(_refused, order, "refused");

    /// <summary>Takes over what the board of another process said.</summary>
    /// <returns>Whether the line was a board's.</returns>
    public bool Hear(string line)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        if (space < 0 || !int.TryParse(line.AsSpan(space + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var order))
            return false;
        switch (line[..space])
        {
            case "accepted":
                Accepted(order);
                return true;
            case "refused":
                Refused(order);
                return true;
            default:
                return false;
        }
    }

    private void Tell(HashSet<int> orders, int order, string answer)
    {
        lock (_gate)
        {
            if (orders.Add(order))
                say?.Invoke(string.Create(CultureInfo.InvariantCulture, $"{answer} {order}"));
        }
    }

    private T Locked<T>(Func<T> get)
    {
        lock (_gate)
            return get();
    }
}
