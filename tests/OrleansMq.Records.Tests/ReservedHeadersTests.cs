using System.Text;

namespace OrleansMq.Records.Tests;

public class ReservedHeadersTests
{
    // Stored in every topic: names may be added, never changed.
    [Theory]
    [InlineData("mq-token", nameof(ReservedHeaders.Token))]
    [InlineData("mq-content-type", nameof(ReservedHeaders.ContentType))]
    [InlineData("mq-correlation-id", nameof(ReservedHeaders.CorrelationId))]
    [InlineData("mq-reply-to", nameof(ReservedHeaders.ReplyTo))]
    [InlineData("mq-deliver-at", nameof(ReservedHeaders.DeliverAt))]
    [InlineData("mq-ttl", nameof(ReservedHeaders.TimeToLive))]
    [InlineData("mq-priority", nameof(ReservedHeaders.Priority))]
    [InlineData("mq-dead-reason", nameof(ReservedHeaders.DeadLetterReason))]
    [InlineData("mq-dead-origin", nameof(ReservedHeaders.DeadLetterOrigin))]
    [InlineData("mq-dead-deliveries", nameof(ReservedHeaders.DeadLetterDeliveries))]
    [InlineData("mq-dead-at", nameof(ReservedHeaders.DeadLetterAt))]
    [InlineData("traceparent", nameof(ReservedHeaders.TraceParent))]
    public void StoredNamesStayWhatTheyAre(string expected, string name)
    {
        Assert.Equal(expected, typeof(ReservedHeaders).GetField(name)!.GetRawConstantValue());
        Assert.Equal(expected.StartsWith("mq-", StringComparison.Ordinal), ReservedHeaders.IsReserved(Encoding.UTF8.GetBytes(expected)));
    }

    [Fact]
    public void Utf8FormsAreTheSameNames()
    {
        Assert.Equal(ReservedHeaders.Token, Encoding.UTF8.GetString(ReservedHeaders.TokenUtf8));
        Assert.Equal(ReservedHeaders.ContentType, Encoding.UTF8.GetString(ReservedHeaders.ContentTypeUtf8));
        Assert.Equal(ReservedHeaders.CorrelationId, Encoding.UTF8.GetString(ReservedHeaders.CorrelationIdUtf8));
        Assert.Equal(ReservedHeaders.ReplyTo, Encoding.UTF8.GetString(ReservedHeaders.ReplyToUtf8));
        Assert.Equal(ReservedHeaders.DeliverAt, Encoding.UTF8.GetString(ReservedHeaders.DeliverAtUtf8));
        Assert.Equal(ReservedHeaders.TimeToLive, Encoding.UTF8.GetString(ReservedHeaders.TimeToLiveUtf8));
        Assert.Equal(ReservedHeaders.Priority, Encoding.UTF8.GetString(ReservedHeaders.PriorityUtf8));
        Assert.Equal(ReservedHeaders.DeadLetterReason, Encoding.UTF8.GetString(ReservedHeaders.DeadLetterReasonUtf8));
        Assert.Equal(ReservedHeaders.DeadLetterOrigin, Encoding.UTF8.GetString(ReservedHeaders.DeadLetterOriginUtf8));
        Assert.Equal(ReservedHeaders.DeadLetterDeliveries, Encoding.UTF8.GetString(ReservedHeaders.DeadLetterDeliveriesUtf8));
        Assert.Equal(ReservedHeaders.DeadLetterAt, Encoding.UTF8.GetString(ReservedHeaders.DeadLetterAtUtf8));
        Assert.Equal(ReservedHeaders.TraceParent, Encoding.UTF8.GetString(ReservedHeaders.TraceParentUtf8));
    }

    [Theory]
    [InlineData("")]
    [InlineData("mq")]
    [InlineData("MQ-token")]
    [InlineData("x-mq-token")]
    public void OtherNamesAreTheClients(string name) => Assert.False(ReservedHeaders.IsReserved(Encoding.UTF8.GetBytes(name)));
}
