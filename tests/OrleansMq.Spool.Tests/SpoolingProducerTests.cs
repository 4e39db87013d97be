using System.Collections.Concurrent;
using OrleansMq.Conformance.Broker;
using OrleansMq.Storage.Files;
using Xunit;

namespace OrleansMq.Spool.Tests;

/// <summary>A producer that goes on while its broker is away.</summary>
public sealed class SpoolingProducerTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("mq-spool-").FullName;
    private EmbeddedBroker _broker = null!;

    // What stands between producer and broker.
    private volatile bool _isAway;
    private volatile bool _losesAnswers;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("orders", new());
    }

    public async Task DisposeAsync()
    {
        await _broker.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task WhileTheBrokerAnswersNothingIsSpooled()
    {
        await using var producer = await Open();
        var result = await producer.Send(Message.OfText("1"));
        Assert.False(result.IsSpooled);
        Assert.Equal(0, result.Stored!.Value.Position.Offset);
        Assert.Equal(0, producer.Spooled);
    }

    [Fact]
    public async Task WhatIsSentWhileTheBrokerIsAwayArrivesLaterInOrder()
    {
        await using var producer = await Open();
        Assert.False((await producer.Send(Text(0))).IsSpooled);
        _isAway = true;
        for (var i = 1; i < 200; i++)
            Assert.True((await producer.Send(Text(i))).IsSpooled);
        Assert.Equal(199, producer.Spooled);
        _isAway = false;
        // Those of now go behind those of before, whether the spool is empty by then or not.
        for (var i = 200; i < 300; i++)
            await producer.Send(Text(i));

        await producer.Emptied().WaitAsync(Patience);
        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"{i}"), await Stored());
        Assert.False((await producer.Send(Text(300))).IsSpooled);
    }

    [Fact]
    public async Task ManySendersAtOnceOverAnOutageEachKeepTheirOrder()
    {
        await using var producer = await Open();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async sender =>
        {
            for (var i = 0; i < 100; i++)
            {
                if (sender == 0)
                    _isAway = i % 20 is >= 5 and < 15;
                await producer.Send(Message.OfText($"{i}", key: $"{sender}"));
            }
        }));
        _isAway = false;
        await producer.Emptied().WaitAsync(Patience);
        var stored = await _broker.ReadAll("orders");
        Assert.Equal(800, stored.Count);
        Assert.All(stored.GroupBy(message => message.KeyText), ofSender => Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}"), ofSender.Select(message => message.BodyText)));
    }

    [Fact]
    public async Task AFullSpoolRefusesAndKeepsWhatItHas()
    {
        await using var producer = await Open(Options with { MaxSpooledMessages = 10 });
        _isAway = true;
        for (var i = 0; i < 10; i++)
            await producer.Send(Text(i));
        var refused = await Assert.ThrowsAsync<MqException>(() => producer.Send(Text(10)));
        Assert.Equal(ErrorCodes.BacklogFull, refused.Code);
        Assert.Contains(_folder, refused.Message, StringComparison.Ordinal);

        _isAway = false;
        await producer.Emptied().WaitAsync(Patience);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"{i}"), await Stored());
        // There is room again.
        _isAway = true;
        Assert.True((await producer.Send(Text(11))).IsSpooled);
    }

    [Fact]
    public async Task TheSpoolIsBoundedInBytesToo()
    {
        await using var producer = await Open(Options with { MaxSpooledBytes = 20_000 });
        _isAway = true;
        await producer.Send(Message.OfText(new string('x', 10_000)));
        Assert.Equal(ErrorCodes.BacklogFull, (await Assert.ThrowsAsync<MqException>(() => producer.Send(Message.OfText(new string('x', 10_000))))).Code);
    }

    [Fact]
    public async Task ThereIsRoomAgainInBytesForWhatWasSent()
    {
        await using var producer = await Open(Options with { MaxSpooledBytes = 200_000, BatchMessages = 5 });
        var first = await FillAndDrain();
        // A piece of the log goes when two snapshots are behind it: each removal is a step.
        int[] later = [await FillAndDrain(), await FillAndDrain(), await FillAndDrain()];
        Assert.InRange(later.Max(), first / 2, first);

        async Task<int> FillAndDrain()
        {
            _isAway = true;
            var kept = 0;
            for (; await IsKept(); kept++) ;
            _isAway = false;
            await producer.Emptied().WaitAsync(Patience);
            return kept;
        }

        async Task<bool> IsKept()
        {
            try
            {
                return (await producer.Send(Message.OfText(new string('x', 1_000), key: "k"))).IsSpooled;
            }
            catch (MqException full) when (full.Code == ErrorCodes.BacklogFull)
            {
                return false;
            }
        }
    }

    [Fact]
    public async Task WhereABatchOnlyPartlyFitsTheRestIsRefusedAndNothingIsMiscounted()
    {
        var (asked, answer) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var producer = await OpenBehindASilence(async (_, _, _) =>
        {
            asked.TrySetResult();
            await answer.Task;
            throw Refused;
        }, Options with { MaxSpooledBytes = 2_000_000 });
        _isAway = true;
        var before = producer.Send(Text(0));
        await asked.Task.WaitAsync(Patience);
        // They wait together behind it, so they are one batch: of two pieces that fit, one too large for any spool like this, and one more than there is room for.
        int[] sizes = [700_000, 2_500_000, 700_000, 900_000];
        var sends = sizes.Select(bytes => producer.Send(Message.OfText(new string('x', bytes), key: "k"))).ToList();
        answer.SetResult();

        Assert.True((await before).IsSpooled);
        Assert.True((await sends[0]).IsSpooled);
        Assert.Equal(ErrorCodes.MessageTooLarge, (await Assert.ThrowsAsync<MqException>(() => sends[1])).Code);
        Assert.True((await sends[2]).IsSpooled);
        Assert.Equal(ErrorCodes.BacklogFull, (await Assert.ThrowsAsync<MqException>(() => sends[3])).Code);
        Assert.Equal(3, producer.Spooled);

        _isAway = false;
        await producer.Emptied().WaitAsync(Patience);
        Assert.Equal([Text(0).Body.Length, sizes[0], sizes[2]], (await Stored()).Select(body => body.Length));
        Assert.False((await producer.Send(Text(1))).IsSpooled);
    }

    [Fact]
    public async Task OfMoreThanThereIsRoomForAsMuchIsKeptAsFits()
    {
        var (asked, answer) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var producer = await OpenBehindASilence(async (_, _, _) =>
        {
            asked.TrySetResult();
            await answer.Task;
            throw Refused;
        }, Options with { MaxSpooledMessages = 100 });
        _isAway = true;
        var before = producer.Send(Text(0));
        await asked.Task.WaitAsync(Patience);
        // They wait together, five times what the spool takes.
        var sends = Enumerable.Range(1, 500).Select(i => producer.Send(Text(i))).ToList();
        answer.SetResult();

        Assert.True((await before).IsSpooled);
        foreach (var send in sends.Take(99))
            Assert.True((await send).IsSpooled);
        foreach (var send in sends.Skip(99))
            Assert.Equal(ErrorCodes.BacklogFull, (await Assert.ThrowsAsync<MqException>(() => send)).Code);
        Assert.Equal(100, producer.Spooled);

        _isAway = false;
        await producer.Emptied().WaitAsync(Patience);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}"), await Stored());
    }

    [Fact]
    public async Task WhatWasSpooledIsSentInBatchesOfBoundedBytes()
    {
        var calls = new ConcurrentQueue<int>();
        await using var producer = await SpoolingProducer.Open(
            InterceptedBroker.Around(_broker, (messages, publish, _) =>
            {
                if (_isAway)
                    throw new HttpRequestException("Connection refused");
                calls.Enqueue(messages.Count);
                return publish();
            }), "orders", Options with { BatchBytes = 10_000 });
        _isAway = true;
        for (var i = 0; i < 60; i++)
            await producer.Send(Message.OfText(new string('x', 1_000), key: "k"));
        _isAway = false;
        await producer.Emptied().WaitAsync(Patience);
        Assert.Equal(60, calls.Sum());
        Assert.All(calls, count => Assert.InRange(count, 1, 9));
    }

    [Fact]
    public async Task TheNextProcessSendsWhatTheLastOneSpooled()
    {
        _isAway = true;
        await using (var producer = await Open())
            for (var i = 0; i < 5; i++)
                await producer.Send(Text(i));
        _isAway = false;

        await using var next = await Open();
        await next.Send(Text(5));
        await next.Emptied().WaitAsync(Patience);
        Assert.Equal(Enumerable.Range(0, 6).Select(i => $"{i}"), await Stored());
    }

    [Fact]
    public async Task WhatIsSpooledIsInTheFilesBeforeItIsAnswered()
    {
        var copy = _folder + "-copy";
        try
        {
            _isAway = true;
            await using (var dying = await Open())
            {
                for (var i = 0; i < 5; i++)
                    await dying.Send(Text(i));
                // As a process that is killed would leave them.
                foreach (var file in Directory.GetFiles(_folder, "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != "lock"))
                {
                    Directory.CreateDirectory(Path.GetDirectoryName(file.Replace(_folder, copy, StringComparison.Ordinal))!);
                    File.Copy(file, file.Replace(_folder, copy, StringComparison.Ordinal));
                }
            }

            _isAway = false;
            await using var next = await Open(Options with { Folder = copy });
            await next.Emptied().WaitAsync(Patience);
            Assert.Equal(Enumerable.Range(0, 5).Select(i => $"{i}"), await Stored());
        }
        finally
        {
            Directory.Delete(copy, recursive: true);
        }
    }

    [Fact]
    public async Task ALostAnswerIsSpooledAndNotStoredTwice()
    {
        await using var producer = await Open();
        _losesAnswers = true;
        for (var i = 0; i < 5; i++)
            Assert.True((await producer.Send(Text(i))).IsSpooled);
        _losesAnswers = false;
        await producer.Emptied().WaitAsync(Patience);
        Assert.Equal(Enumerable.Range(0, 5).Select(i => $"{i}"), await Stored());
    }

    [Fact]
    public async Task WhereHalfOfTheTopicIsAwayEachKeyKeepsItsOrder()
    {
        await using var producer = await OpenBehindASilence(async (messages, _, cancel) =>
        {
            var stored = await _broker.Publish("orders", [.. messages.Where(IsServed)], cancel: cancel);
            var next = 0;
            return [.. messages.Select(message => IsServed(message) ? stored[next++] : new PublishResult(default, false, new(ErrorCodes.PartitionUnavailable, "Away.")))];
        }, Options);
        _isAway = true;
        var sends = Enumerable.Range(0, 60).Select(i => producer.Send(Message.OfText($"{i}", key: i % 2 == 0 ? "served" : "away"))).ToList();
        await Task.WhenAll(sends);
        _isAway = false;
        await producer.Emptied().WaitAsync(Patience);

        var ofKeys = (await _broker.ReadAll("orders")).GroupBy(message => message.KeyText).ToDictionary(messages => messages.Key!, messages => messages.Select(message => message.BodyText).ToList());
        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"{2 * i}"), ofKeys["served"]);
        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"{2 * i + 1}"), ofKeys["away"]);

        static bool IsServed(Message message) => message.Key!.Value.Span.SequenceEqual("served"u8);
    }

    [Fact]
    public async Task AProxyThatAnswersInTheBrokersPlaceIsNoBroker()
    {
        await using var producer = await OpenBehindASilence((_, _, _) => throw new MqException(ErrorCodes.NotABroker, "404."), Options);
        _isAway = true;
        Assert.True((await producer.Send(Text(0))).IsSpooled);
        Assert.True((await producer.Send(Text(1))).IsSpooled);
        _isAway = false;
        await producer.Emptied().WaitAsync(Patience);

        Assert.Equal(["0", "1"], await Stored());
        Assert.Empty(await producer.ReadRefused());
    }

    [Fact]
    public async Task ABrokerThatSaysNoIsHeardAndNothingIsSpooled()
    {
        await _broker.PutTopic("orders", new() { MaxMessageBytes = 1_000 });
        await using (var producer = await Open())
        {
            Assert.Equal(ErrorCodes.MessageTooLarge, (await Assert.ThrowsAsync<MqException>(() => producer.Send(Message.OfText(new string('x', 1_001))))).Code);
            Assert.False((await producer.Send(Text(1))).IsSpooled);
            Assert.Equal(0, producer.Spooled);
        }

        await using var nowhere = await SpoolingProducer.Open(_broker, "missing", Options);
        Assert.Equal(ErrorCodes.TopicUnknown, (await Assert.ThrowsAsync<MqException>(() => nowhere.Send(Text(1)))).Code);
    }

    [Fact]
    public async Task ASpooledMessageThatIsNeverTakenIsPutAside()
    {
        await _broker.PutTopic("orders", new() { MaxMessageBytes = 1_000 });
        await using var producer = await Open();
        _isAway = true;
        await producer.Send(Text(1));
        await producer.Send(Message.OfText(new string('x', 1_001)));
        await producer.Send(Text(2));
        _isAway = false;
        await producer.Emptied().WaitAsync(Patience);

        Assert.Equal(["1", "2"], await Stored());
        var refused = Assert.Single(await producer.ReadRefused());
        Assert.Equal(1_001, refused.Message.Body.Length);
        Assert.StartsWith(ErrorCodes.MessageTooLarge, refused.Reason, StringComparison.Ordinal);
        await producer.DiscardRefused(refused.Id);
        Assert.Empty(await producer.ReadRefused());
    }

    [Fact]
    public async Task WhatCanNotBeReadHoldsUpOnlyWhatIsBehindIt()
    {
        _isAway = true;
        await using (var producer = await Open())
            for (var i = 0; i < 3; i++)
                await producer.Send(Text(i));
        await using (var disk = await EmbeddedBroker.Start(new() { Data = _folder }))
            await disk.Publish("waiting", [Message.OfText("{}}")], new() { Acks = Acks.Durable });
        await using (var producer = await Open())
            await producer.Send(Text(3));
        _isAway = false;

        var said = new TaskCompletionSource<Exception>();
        await using var next = await Open(Options with { OnFailure = failure => said.TrySetResult(failure) });

        Assert.EndsWith("what is behind it waits until then.", (await said.Task.WaitAsync(Patience)).Message, StringComparison.Ordinal);
        Assert.Equal(["0", "1", "2"], await Stored());
        Assert.Equal(2, next.Spooled);
    }

    [Fact]
    public async Task AFolderHasOneProducer()
    {
        await using var producer = await Open();
        await Assert.ThrowsAsync<DataFolderException>(() => Open());
    }

    [Theory]
    [InlineData(nameof(SpoolOptions.MaxSpooledMessages))]
    [InlineData(nameof(SpoolOptions.BatchMessages))]
    public async Task AnOptionOutOfItsRangeIsNamed(string option)
    {
        var options = option == nameof(SpoolOptions.MaxSpooledMessages) ? Options with { MaxSpooledMessages = 0 } : Options with { BatchMessages = 0 };
        Assert.Contains(option, (await Assert.ThrowsAsync<ArgumentException>(() => Open(options))).Message, StringComparison.Ordinal);
    }

    private SpoolOptions Options => new() { Folder = _folder, RetryDelay = TimeSpan.FromMilliseconds(1), MaxRetryDelay = TimeSpan.FromMilliseconds(10) };

    private static HttpRequestException Refused => new("Connection refused");

    private Task<SpoolingProducer> Open(SpoolOptions? options = null) => SpoolingProducer.Open(
        InterceptedBroker.Around(_broker, async (_, publish, _) =>
        {
            if (_isAway)
                throw Refused;
            var results = await publish();
            return _losesAnswers ? throw new HttpRequestException("Connection reset") : results;
        }), "orders", options ?? Options);

    /// <summary>What the broker does to who sends while it is away.</summary>
    private Task<SpoolingProducer> OpenBehindASilence(PublishStory whileAway, SpoolOptions options) => SpoolingProducer.Open(
        InterceptedBroker.Around(_broker, (messages, publish, cancel) => _isAway ? whileAway(messages, publish, cancel) : publish()), "orders", options);

    private static Message Text(int i) => Message.OfText($"{i}", key: "k");

    private async Task<IReadOnlyList<string>> Stored() => [.. (await _broker.ReadAll("orders")).Select(message => message.BodyText)];
}
