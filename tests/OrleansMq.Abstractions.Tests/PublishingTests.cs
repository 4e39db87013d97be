namespace OrleansMq.Abstractions.Tests;

public sealed class PublishingTests
{
    private uint _turn;

    [Fact]
    public async Task ResultsComeInTheOrderSentWhateverThePartition()
    {
        var broker = new LogBroker(new() { Partitions = 3 });

        var results = await Publish(broker, new() { Partitions = 3 }, [.. Enumerable.Range(0, 9).Select(n => new Message { Body = new byte[n] })]);

        Assert.Equal(Enumerable.Range(0, 9).Select(n => new Position(n % 3, n / 3)), results.Select(result => result.Position));
        Assert.Equal(3, broker.Appends.Count);
    }

    [Fact]
    public async Task OnePartitionsFailureIsItsMessagesAlone()
    {
        var broker = new LogBroker(new() { Partitions = 2 }) { Script = (_, request) => request.Partition == 1 ? Fault.Unavailable : null };

        var results = await Publish(broker, new() { Partitions = 2 }, [new(), new(), new()]);

        Assert.Equal([null, ErrorCodes.PartitionUnavailable, null], results.Select(result => result.Error?.Code));
    }

    [Fact]
    public async Task ARefusalOfAllIsThrown()
    {
        var broker = new LogBroker { Script = (_, _) => Fault.Unavailable };

        Assert.Equal(ErrorCodes.PartitionUnavailable, (await Assert.ThrowsAsync<MqException>(() => Publish(broker, new(), [new(), new()]))).Code);
    }

    [Fact]
    public async Task AMalformedMessageIsRefusedByItself()
    {
        var broker = new LogBroker();

        var results = await Publish(broker, new(), [new(), new() { Token = "" }, new() { Body = new byte[2 << 20] }, new(), null!]);

        Assert.Equal([null, ErrorCodes.Malformed, ErrorCodes.MessageTooLarge, null, ErrorCodes.Malformed], results.Select(result => result.Error?.Code));
        Assert.Equal(new Position(0, 1), results[3].Position);
    }

    [Fact]
    public async Task WhatDoesNotFitIntoOneBatchIsSeveral()
    {
        var broker = new LogBroker();

        var results = await Publish(broker, new() { MaxBatchBytes = 1000 }, [.. Enumerable.Range(0, 10).Select(_ => new Message { Body = new byte[300] })]);

        Assert.Equal(10, broker.Bodies().Length);
        Assert.All(broker.Appends, append => Assert.InRange(append.Batch.Length, 1, 1000));
        Assert.Equal(Enumerable.Range(0, 10).Select(n => (long)n).Order(), results.Select(result => result.Position.Offset).Order());
    }

    [Fact]
    public async Task WhileATopicGrowsABrokenConnectionIsAskedAgain()
    {
        var broker = new LogBroker();
        broker.Grow(2);
        var asked = 0;

        var results = await Publishing.Publish(broker, "t", new(), Again, [Message.OfText("a", key: "k"), Message.OfText("b")], null, () => _turn++, TimeProvider.System, default);

        Assert.All(results, result => Assert.Null(result.Error));
        Assert.Equal(3, asked);

        ValueTask<TopicSettings> Again() => asked++ switch
        {
            0 => throw new HttpRequestException("Connection refused"),
            1 => new(new TopicSettings()),
            _ => new(new TopicSettings { Partitions = 2 }),
        };
    }

    [Fact]
    public async Task WhoTakesHisCallBackWhileATopicGrowsWaitsNoLonger()
    {
        var broker = new LogBroker();
        broker.Grow(2);
        using var cancel = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Publishing.Publish(
            broker, "t", new(), Again, [Message.OfText("a", key: "k")], null, () => _turn++, TimeProvider.System, cancel.Token).AsTask());

        async ValueTask<TopicSettings> Again()
        {
            await cancel.CancelAsync();
            throw new OperationCanceledException(cancel.Token);
        }
    }

    private async Task<IReadOnlyList<PublishResult>> Publish(LogBroker broker, TopicSettings settings, Message[] messages) =>
        await Publishing.Publish(broker, "t", settings, () => new(settings), messages, null, () => _turn++, TimeProvider.System, default);
}
