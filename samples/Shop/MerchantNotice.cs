namespace OrleansMq.Samples.Shop;

/// <summary>Tells the merchant of each order, no faster than his line takes it.</summary>
internal sealed class MerchantNotice(IBroker broker, double perSecond) : Desk(broker, Title)
{
    public const string Title = "notice";

    protected override double? PerSecond => perSecond;

    protected override string WorkOn(Order order) => $$"""{"order":{{order.Number}},"text":"{{order.Member}} bought for {{order.Cents}} cents"}""";
}
