using OrleansMq.Conformance.Broker;

namespace OrleansMq.Cli.Tests;

/// <summary><c>mq listen</c>.</summary>
public sealed class ListenTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new TopicChange());
        await _broker.Publish("t", [Message.OfText("before")]);
    }

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    [Fact]
    public async Task WhatIsPublishedWhileItListensIsPrintedAndNoGroupStays()
    {
        var joined = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var told = BrokerProxy.Over(_broker, (call, _) =>
        {
            if (call == nameof(IBroker.Receive))
                joined.TrySetResult();
        });

        var listening = Mq.Run(told, "listen", "t", "--max", "2", "--prefix", "shell", "--key-separator", "=");
        await joined.Task;
        await _broker.Publish("t", [Message.OfText("1", "k"), Message.OfText("2", "k"), Message.OfText("3", "k")]);
        var run = await listening;

        Assert.Equal((ExitCode.Done, "k=1\nk=2\n"), (run.Code, run.Out));
        Assert.StartsWith("mq: listening as shell-", run.Error, StringComparison.Ordinal);
        Assert.Empty((await _broker.ListGroups("t")).Items);
    }

    [Fact]
    public async Task UnderItsNameItGoesOnWhereItWas()
    {
        await _broker.PutGroup("t", "mine", new() { From = StartAt.Latest, DeleteAfterIdle = (TimeSpan?)TimeSpan.FromMinutes(1) });
        await _broker.Publish("t", [Message.OfText("meanwhile")]);

        var run = await Mq.Ok(_broker, "listen", "t", "--group", "mine", "--max", "1", "--delete-after-idle", "1m");

        Assert.Equal("meanwhile\n", run.Out);
        Assert.Contains("where it was", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AGroupIsDeclaredWithItsIdleTime()
    {
        await Mq.Ok(_broker, "group", "declare", "t", "g", "--delete-after-idle", "2m");
        Assert.Equal(TimeSpan.FromMinutes(2), (await _broker.DescribeGroup("t", "g")).Settings.DeleteAfterIdle);

        await Mq.Ok(_broker, "group", "change", "t", "g", "--delete-after-idle", "none");
        Assert.Null((await _broker.DescribeGroup("t", "g")).Settings.DeleteAfterIdle);
    }
}
