using System.Net;
using System.Net.Sockets;

namespace OrleansMq.Webhooks.Tests;

public sealed class CallableAddressesTests
{
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.254")]
    [InlineData("169.254.169.254")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.1.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("168.63.129.16")]
    [InlineData("::ffff:0:10.1.2.3")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("::127.0.0.1")]
    [InlineData("64:ff9b::10.0.0.1")]
    [InlineData("2002:7f00:1::")]
    [InlineData("2001:0:1::1")]
    [InlineData("fc00::1")]
    [InlineData("fd12:3456::1")]
    [InlineData("fe80::1")]
    [InlineData("fe80::1%1")]
    [InlineData("ff02::1")]
    public void WhatIsNotPublicIsNotCalled(string address) => Assert.False(CallableAddresses.MayBeCalled(IPAddress.Parse(address), new()));

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("172.32.0.1")]
    [InlineData("100.128.0.1")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("64:ff9b::8.8.8.8")]
    [InlineData("2606:4700::1111")]
    public void WhatIsPublicIs(string address) => Assert.True(CallableAddresses.MayBeCalled(IPAddress.Parse(address), new()));

    [Fact]
    public void ARuleNamesANetworkThatMayBeCalledAllTheSame()
    {
        var rules = new WebhookRules { Networks = [IPNetwork.Parse("10.1.0.0/16"), IPNetwork.Parse("fd00::/8")] };

        Assert.True(CallableAddresses.MayBeCalled(IPAddress.Parse("10.1.2.3"), rules));
        Assert.True(CallableAddresses.MayBeCalled(IPAddress.Parse("::ffff:10.1.2.3"), rules));
        Assert.True(CallableAddresses.MayBeCalled(IPAddress.Parse("fd00::1"), rules));
        Assert.False(CallableAddresses.MayBeCalled(IPAddress.Parse("10.2.2.3"), rules));
        Assert.False(CallableAddresses.MayBeCalled(IPAddress.Parse("fe80::1"), rules));
    }

    [Fact]
    public async Task ANameThatLeadsHereIsNotConnectedTo()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var there = new DnsEndPoint("localhost", ((IPEndPoint)listener.LocalEndpoint).Port);

        var refused = await Assert.ThrowsAsync<NotCallableException>(async () => await CallableAddresses.Connect(there, new(), default));
        Assert.Contains("may not be called", refused.Message, StringComparison.Ordinal);
        Assert.False(listener.Pending());
        await using var allowed = await CallableAddresses.Connect(there, new() { Networks = [IPNetwork.Parse("127.0.0.0/8")] }, default);
        Assert.True(allowed.CanWrite);
    }
}
