namespace OrleansMq.Samples.Shop;

/// <summary>Calls whoever ordered for much. Other orders do not come to it: the broker passes them over for its group.</summary>
internal sealed class Concierge(IBroker broker) : Desk(broker, Title)
{
    public const string Title = "concierge";

    private const int Much = 9_000;

    public static bool Wants(Order order) => order.Cents >= Much;

    protected override string? Filter => $"{Order.CentsHeader} >= {Much}";

    protected override string WorkOn(Order order) => $$"""{"order":{{order.Number}},"call":"{{order.Member}}"}""";
}
