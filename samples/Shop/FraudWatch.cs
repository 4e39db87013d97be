namespace OrleansMq.Samples.Shop;

/// <summary>Comes in the middle of the sale, and sees every order from the first on.</summary>
internal sealed class FraudWatch(IBroker broker) : Desk(broker, Title)
{
    public const string Title = "fraud";

    protected override string WorkOn(Order order) => $$"""{"order":{{order.Number}},"suspicious":{{(order.Cents > 9_900 ? "true" : "false")}}}""";
}
