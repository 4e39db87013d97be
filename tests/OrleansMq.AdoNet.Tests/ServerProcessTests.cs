using System.Text.RegularExpressions;
using OrleansMq.Servers;
using Xunit;

namespace OrleansMq.AdoNet.Tests;

/// <summary>How a server that tests start is waited for.</summary>
public sealed class ServerProcessTests
{
    [Fact]
    public async Task AServerThatEndsIsNotWaitedForAndHasItsSay() => Assert.Contains(
        "no room", (await Assert.ThrowsAsync<InvalidOperationException>(() => ServerProcess.Start(new("sh", ["-c", "echo no room"]), new Regex("ready")))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task WhatWasStartedEndsWithItsInput()
    {
        var (server, ready) = await ServerProcess.Start(new("sh", ["-c", "echo ready at 7; cat"]), new Regex(@"ready at (\d)"));
        Assert.Equal("7", ready.Groups[1].Value);
        await server.DisposeAsync();
    }
}
