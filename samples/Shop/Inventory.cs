namespace OrleansMq.Samples.Shop;

/// <summary>Takes a unit from the stock for each order. It is down for a while, and nobody else notices.</summary>
internal sealed class Inventory(IBroker broker) : Desk(broker, Title)
{
    public const string Title = "inventory";

    protected override string WorkOn(Order order) => $$"""{"order":{{order.Number}},"units":1}""";
}
