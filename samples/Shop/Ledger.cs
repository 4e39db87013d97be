using System.Text.Json;

namespace OrleansMq.Samples.Shop;

/// <summary>What the books say after the sale, held against what buyers were told.</summary>
internal sealed record Ledger
{
    private readonly Dictionary<string, IReadOnlyList<JsonElement>> _books = [];

    private Ledger(SaleBoard board, IReadOnlyList<Order> stored, int stock, int burst) => (Board, Stored, Stock, Burst) = (board, stored, stock, burst);

    public SaleBoard Board { get; }
    public IReadOnlyList<Order> Stored { get; }
    public int Stock { get; }
    public int Burst { get; }

    public static async Task<Ledger> Read(IBroker broker, SaleBoard board, int stock, int burst, CancellationToken cancel)
    {
        var stored = await broker.ReadAll(Order.Topic, cancel: cancel);
        var ledger = new Ledger(board, [.. stored.Select(message => Order.From(message.Body))], stock, burst);
        foreach (var desk in (string[])[.. Sale.Lasting, Concierge.Title, Recommendation.Title])
            ledger._books[desk] = [.. (await broker.ReadAll(Desk.BookOf(desk), cancel: cancel)).Select(line => JsonDocument.Parse(line.Body).RootElement)];
        return ledger;
    }

    public long Entries(string desk) => _books[desk].Count;

    public long Sum(string desk, string field) => _books[desk].Sum(line => line.GetProperty(field).GetInt64());

    /// <summary>Accepted orders that a lasting desk has not in its book.</summary>
    public long Lost => Sale.Lasting.Sum(desk => Board.AcceptedOrders.Except(OrdersIn(desk)).LongCount());

    /// <summary>Entries beyond the first of an order.</summary>
    public long Doubled => _books.Keys.Sum(desk => OrdersIn(desk).Count() - OrdersIn(desk).Distinct().LongCount());

    /// <summary>Entries for orders that nobody accepted.</summary>
    public long Invented => _books.Keys.Sum(desk => OrdersIn(desk).Except(Board.AcceptedOrders).LongCount());

    public long Oversold => Math.Max(0, Sum(Inventory.Title, "units") - Stock);

    /// <summary>Each thing that must hold, and by how much it does not.</summary>
    public IReadOnlyList<(string Promise, long Off)> Promises =>
    [
        ("accepted = stock", Board.AcceptedCount - Stock),
        ("refused = burst − stock", Board.RefusedCount - (Burst - Stock)),
        ("no buyer was told both", Board.Contradictions),
        ("orders stored = accepted", Stored.Count - Board.AcceptedCount),
        ("stock deducted = accepted", Sum(Inventory.Title, "units") - Board.AcceptedCount),
        ("points booked = points of what was accepted", Sum(MemberPoints.Title, "points") - Board.AcceptedOrders.Sum(number => (long)Order.Of(number).Points)),
        ("notices = accepted", Entries(MerchantNotice.Title) - Board.AcceptedCount),
        ("the newcomer saw all that was accepted", Entries(FraudWatch.Title) - Board.AcceptedCount),
        ("calls = accepted orders for much", Entries(Concierge.Title) - Board.AcceptedOrders.LongCount(number => Concierge.Wants(Order.Of(number)))),
        ("calls for anything else", OrdersIn(Concierge.Title).LongCount(number => !Concierge.Wants(Order.Of(number)))),
        ("lost", Lost),
        ("doubled", Doubled),
        ("invented", Invented),
        ("oversold", Oversold),
    ];

    private IEnumerable<int> OrdersIn(string desk) => _books[desk].Select(line => line.GetProperty("order").GetInt32());
}
