using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>The .NET producer over this broker.</summary>
public abstract class ProducerContract : BrokerContract
{
    [Fact]
    public Task WhatIsSentIsStoredOnceAndInTheOrderOfItsKey() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 4 });

        await using (var producer = broker.Produce("t", new() { BatchMessages = 50 }, ClientTime))
        {
            for (var i = 0; i < 2000; i++)
                await producer.Enqueue(new Message { Key = new[] { (byte)(i % 20) }, Body = BitConverter.GetBytes(i) });
            await Until(producer.Flush());
            Assert.Equal((2000, 0, 0), (producer.Statistics.Stored, producer.Statistics.Duplicates, producer.Statistics.Refused));
        }

        var all = await broker.ReadAll("t");
        Assert.Equal(2000, all.Count);
        foreach (var key in all.GroupBy(message => message.Key!.Value.Span[0]))
        {
            var numbers = key.OrderBy(message => message.Position.Offset).Select(message => BitConverter.ToInt32(message.Body.Span)).ToList();
            Assert.Equal(numbers.Order(), numbers);
            Assert.Single(key.Select(message => message.Position.Partition).Distinct());
        }
    });

    [Fact]
    public Task TheAnswerIsThePositionAndSaysWhatIsADuplicate() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using var producer = broker.Produce("t", time: ClientTime);

        var first = await Until(producer.Send(Text("a") with { Token = "x" }));
        var again = await Until(producer.Send(Text("a") with { Token = "x" }));

        Assert.Equal((new Position(0, 0), false), (first.Position, first.Duplicate));
        Assert.Equal((new Position(0, 0), true), (again.Position, again.Duplicate));
    });

    [Fact]
    public Task ASecondProducerOfANameFencesTheFirst() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using var first = broker.Produce("t", new() { Name = "billing" }, ClientTime);
        await Until(first.Send(Text("a")));
        await using var second = broker.Produce("t", new() { Name = "billing" }, ClientTime);
        await Until(second.Send(Text("b")));

        Assert.Equal(ErrorCodes.ProducerFenced, (await Assert.ThrowsAsync<MqException>(() => Until(first.Send(Text("c"))))).Code);

        await Until(second.Send(Text("d")));
        Assert.Equal(["a", "b", "d"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task WhatDoesNotGetBetterFailsItsMessageAndTheOthersGoOn() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Admit = 10 });
        await using var producer = broker.Produce("t", time: ClientTime);

        var sent = Enumerable.Range(0, 30).Select(n => producer.Send(Text(Number(n)))).ToArray();
        var codes = new List<string?>();
        foreach (var each in sent)
            codes.Add(await CodeOf(each));

        Assert.Equal(10, codes.Count(code => code is null));
        Assert.All(codes.Where(code => code is not null), code => Assert.Equal(ErrorCodes.AdmissionClosed, code));
        Assert.Equal(10, (await broker.ReadAll("t")).Count);
    });

    [Fact]
    public Task SendingToATopicThatIsNotThereFailsAndWorksOnceItIs() => Story(async broker =>
    {
        await using var producer = broker.Produce("t", time: ClientTime);
        Assert.Equal(ErrorCodes.TopicUnknown, await CodeOf(producer.Send(Text("a"))));

        await broker.PutTopic("t", new());

        Assert.Null(await CodeOf(producer.Send(Text("b"))));
        Assert.Equal(["b"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task AFullBacklogIsWaitedOut() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxMessages = 5 });
        await broker.PutGroup("t", "g", new());
        await using var producer = broker.Produce("t", new() { BatchMessages = 1 }, ClientTime);
        var sent = Task.WhenAll(Enumerable.Range(0, 20).Select(n => producer.Send(Text(Number(n)))));

        List<string> received = [];
        while (received.Count < 20)
        {
            var some = await Until(broker.Receive("t", "g", new() { Max = 5, Wait = Patience, Consumer = "c" }).AsTask());
            received.AddRange(Bodies(some));
            await Acknowledge(broker, "t", "g", [.. some]);
        }

        await Until(sent);
        Assert.Equal(Numbers(0, 20), received);
    });

    private async Task<string?> CodeOf(Task<PublishResult> sent)
    {
        try
        {
            await Until(sent);
            return null;
        }
        catch (MqException refused)
        {
            return refused.Code;
        }
    }
}
