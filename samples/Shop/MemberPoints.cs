namespace OrleansMq.Samples.Shop;

/// <summary>Books a point for each whole unit of money.</summary>
internal sealed class MemberPoints(IBroker broker) : Desk(broker, Title)
{
    public const string Title = "points";

    protected override string WorkOn(Order order) => $$"""{"order":{{order.Number}},"member":"{{order.Member}}","points":{{order.Points}}}""";
}
