using System.Globalization;
using OrleansMq.Conformance;

namespace OrleansMq.Abstractions.Tests;

/// <summary>Messages that stay together: all or none, in one batch.</summary>
public sealed class ProducerTogetherTests
{
    private readonly ManualTime _time = new();
    private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public void TheyAreInOneBatchBehindWhatWasSentBefore() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Hold = HoldFirst };
        await using var producer = new Producer(broker, "t", new() { BatchMessages = 10 }, _time);
        var first = producer.Send(Body(0));
        var single = Enumerable.Range(1, 7).Select(n => producer.Send(Body(n))).ToList();

        var together = producer.SendTogether(Bodies(8, 5));
        var more = producer.SendTogether(Bodies(13, 3));
        _gate.SetResult();

        await _time.Until(Task.WhenAll([first, .. single]));
        Assert.Equal([8, 9, 10, 11, 12], (await _time.Until(together)).Select(result => result.Position.Offset));
        Assert.Equal([13, 14, 15], (await _time.Until(more)).Select(result => result.Position.Offset));
        // Seven and five are more than a batch takes; what stays together begins a new one, and others join it.
        Assert.Equal([1, 7, 8], broker.Appends.Select(append => Records.RecordBatch.ReadExactly(append.Batch).Count));
    });

    [Fact]
    public void TheyGoWhereTheFirstGoes() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker(new() { Partitions = 4 });
        await using var producer = new Producer(broker, "t", time: _time);

        await _time.Until(producer.SendTogether([.. Bodies(0, 4).Select((message, i) => message with { Partition = i == 0 ? 2 : i })]));

        Assert.Equal(["0", "1", "2", "3"], broker.Bodies(2));
    });

    [Fact]
    public void WhatIsRefusedForOneIsRefusedForAllAndForNobodyElse() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { RefuseBodiesOver = 10, Hold = HoldFirst };
        await using var producer = new Producer(broker, "t", time: _time);
        var first = producer.Send(Body(0));
        var before = producer.SendTogether(Bodies(1, 3));
        var refused = producer.SendTogether([Body(4), new Message { Body = new byte[11] }, Body(5)]);
        var after = producer.SendTogether(Bodies(6, 3));

        _gate.SetResult();

        await _time.Until(Task.WhenAll(first));
        await _time.Until(before);
        await _time.Until(after);
        Assert.Equal(ErrorCodes.MessageTooLarge, (await Assert.ThrowsAsync<MqException>(() => _time.Until(refused))).Code);
        Assert.Equal(["0", "1", "2", "3", "6", "7", "8"], broker.Bodies());
    });

    [Fact]
    public void AfterALostAnswerTheyAreThereOnce() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Script = (call, _) => call == 0 ? Fault.ReplyLost : null };
        await using var producer = new Producer(broker, "t", time: _time);

        var results = await _time.Until(producer.SendTogether(Bodies(0, 3)));

        Assert.All(results, result => Assert.True(result.Duplicate));
        Assert.Equal(["0", "1", "2"], broker.Bodies());
    });

    [Fact]
    public void TheyGoTogetherWhereTheFirstGoesWhenTheTopicHasGrown() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Hold = HoldFirst };
        await using var producer = new Producer(broker, "t", time: _time);
        var first = producer.Send(Body(0));
        var together = Enumerable.Range(0, 8).Select(group => producer.SendTogether([.. Bodies(10 * group, 4).Select((message, i) => message with { Key = Key(group + i) })])).ToList();

        broker.Grow(8);
        _gate.SetResult();

        await _time.Until(first);
        var results = await _time.Until(Task.WhenAll(together));
        Assert.True(results.Select(group => group[0].Position.Partition).Distinct().Count() > 1);
        for (var group = 0; group < results.Length; group++)
        {
            var at = results[group][0].Position;
            Assert.Equal(Records.Murmur2.PartitionFor(Key(group), 8), at.Partition);
            Assert.Equal(Enumerable.Range(0, 4).Select(i => new Position(at.Partition, at.Offset + i)), results[group].Select(result => result.Position));
            // In one batch: there is one that has the first of them and the last.
            Assert.Contains(broker.Appends, append => append.Partition == at.Partition && BodiesOf(append) is var bodies && bodies.Contains($"{10 * group}") && bodies.Contains($"{10 * group + 3}"));
        }
    });

    [Fact]
    public void MoreThanABatchOfTheTopicIsRefused() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker(new() { MaxBatchBytes = 4096, MaxMessageBytes = 2048 });
        await using var producer = new Producer(broker, "t", time: _time);

        var refused = producer.SendTogether([.. Enumerable.Range(0, 5).Select(_ => new Message { Body = new byte[1000] })]);
        var next = producer.Send(Body(0));

        Assert.Equal(ErrorCodes.BatchTooLarge, (await Assert.ThrowsAsync<MqException>(() => _time.Until(refused))).Code);
        await _time.Until(next);
        Assert.Equal(["0"], broker.Bodies());
    });

    [Fact]
    public void HalfMessagesAndOthersDoNotGoTogether() => StoryThread.Run(async () =>
    {
        await using var producer = new Producer(new LogBroker(), "t", time: _time);

        var refusal = await Assert.ThrowsAsync<MqException>(() => producer.SendTogether([Body(0), Body(1) with { Half = new HalfTerms("group") }]));

        Assert.Equal(ErrorCodes.Malformed, refusal.Code);
    });

    [Fact]
    public void NothingIsSentForNothing() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker();
        await using var producer = new Producer(broker, "t", time: _time);

        Assert.Empty(await producer.SendTogether([]));

        Assert.Empty(broker.Appends);
    });

    [Fact]
    public void WhoeverGivesUpWhileThereIsNoRoomSendsNothing() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Hold = HoldFirst };
        await using var producer = new Producer(broker, "t", new() { MaxBufferedBytes = 2_000 }, _time);
        var first = producer.Send(new Message { Body = new byte[1_900] });
        using var patience = new CancellationTokenSource();

        var together = producer.SendTogether(Bodies(1, 30), patience.Token);
        await patience.CancelAsync();
        _gate.SetResult();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => together);
        await _time.Until(first);
        await _time.Until(producer.Send(Body(2)));
        Assert.Equal(2, broker.Bodies().Length);
    });

    private Task HoldFirst(int call, AppendRequest request) => call == 0 ? _gate.Task : Task.CompletedTask;

    private static byte[] Key(int number) => [(byte)number];

    private static List<string> BodiesOf(AppendRequest request)
    {
        List<string> bodies = [];
        foreach (var record in Records.RecordBatch.ReadExactly(request.Batch).Records())
            bodies.Add(MessageCodec.Decode(0, record).BodyText);
        return bodies;
    }

    private static Message Body(int number) => Message.OfText(number.ToString(CultureInfo.InvariantCulture)) with { ContentType = null };

    private static Message[] Bodies(int from, int count) => [.. Enumerable.Range(from, count).Select(Body)];
}
