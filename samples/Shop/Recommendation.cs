namespace OrleansMq.Samples.Shop;

/// <summary>Learns what members buy. It leaves in the middle of the sale.</summary>
internal sealed class Recommendation(IBroker broker) : Desk(broker, Title)
{
    public const string Title = "recommendation";

    protected override string WorkOn(Order order) => $$"""{"order":{{order.Number}},"likes":"{{order.Member}}"}""";
}
