using OrleansMq.Core.Cursors;
using OrleansMq.Core.Groups;
using Xunit;

namespace OrleansMq.Core.Tests.Cursors;

/// <summary>What a lease says of its holder never changes its form.</summary>
public sealed class LeaseHolderTests
{
    [Fact]
    public void AHolderIsWrittenAsDrawn() => Assert.Equal("c\0" + "ba7816bf8f01cfea414140de5dae2223", LeaseHolder.Of("c", "abc"));

    [Fact]
    public void WithoutARequestItIsTheConsumer() => Assert.Equal("c", LeaseHolder.Of("c", null));

    [Fact]
    public void TheConsumerIsReadBack() => Assert.Equal(("c", ""), (LeaseHolder.ConsumerOf(LeaseHolder.Of("c", "r")), LeaseHolder.ConsumerOf(LeaseHolder.Of("", "r"))));

    [Fact]
    public void ANameWithANulIsRefused() => Assert.Throws<MqException>(() => ReceiveRules.Check(new ReceiveRequest { Consumer = "a\0b" }));

    [Fact]
    public void LeasesOfOneHolderAreFoundUntilTheyEnd()
    {
        var cursor = new QueueCursor(0, Redelivery.Of(new GroupSettings()));
        cursor.ApplyGranted(new GrantRange(0, 2, 1), 100, 1, LeaseHolder.Of("c", "r"));
        cursor.ApplyGranted(new GrantRange(2, 2, 1), 100, 1, "c");
        cursor.ApplySettled(0, 1);
        cursor.ApplyExtended(1, 200);

        Assert.Equal([new LiveLease(LeaseHolder.Of("c", "r"), 1, 1, 1, 200)], cursor.Held(LeaseHolder.HasRequest, 150));
        Assert.Empty(cursor.Held(LeaseHolder.HasRequest, 200));
        Assert.True(cursor.Holds("c", 150));
        Assert.Equal("c", cursor.LastHolder(150));
    }
}
