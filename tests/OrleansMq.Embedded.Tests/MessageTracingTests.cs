using System.Collections.Concurrent;
using System.Diagnostics;
using OrleansMq.Conformance;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>Spans of messages, and the context that ties them together.</summary>
public sealed class MessageTracingTests
{
    /// <summary>Of this class alone: a listener hears what tests beside it send too.</summary>
    private const string Topic = "traced";

    private const string Context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    [Fact]
    public Task AHandlersSpanIsInTheTraceOfTheSender() => Heard(async (broker, heard) =>
    {
        await using var producer = new Producer(broker, Topic);
        await producer.Send(Message.OfText("a"));

        await using (new QueueConsumer(broker, Topic, "g", (_, _) => Task.CompletedTask))
            await heard.Of($"process {Topic}", 1);

        var (send, process) = (heard.One($"send {Topic}"), heard.One($"process {Topic}"));
        Assert.Equal((send.TraceId, send.SpanId), (process.TraceId, process.ParentSpanId));
        Assert.Equal((ActivityKind.Producer, ActivityKind.Consumer), (send.Kind, process.Kind));
        Assert.Equal(send.Context.SpanId, Assert.Single(process.Links).Context.SpanId);
        Assert.Equal(("orleansmq", "process", Topic, "g", "0", "0:0"), (
            Tag(process, "messaging.system"), Tag(process, "messaging.operation.name"), Tag(process, "messaging.destination.name"),
            Tag(process, "messaging.consumer.group.name"), Tag(process, "messaging.destination.partition.id"), Tag(process, "messaging.message.id")));
    });

    [Fact]
    public Task ABatchsSpanIsLinkedToEachSender() => Heard(async (broker, heard) =>
    {
        await using var producer = new Producer(broker, Topic);
        for (var i = 0; i < 3; i++)
            await producer.Enqueue(Message.OfText("a"));
        await producer.Flush();

        await using (new BatchConsumer(broker, Topic, "g", (_, _) => Task.CompletedTask))
            await heard.Of($"process {Topic}", 1);

        var created = heard.All($"create {Topic}").Select(span => span.SpanId).ToHashSet();
        Assert.Equal(3, created.Count);
        Assert.All(heard.All($"process {Topic}"), span => Assert.Subset(created, span.Links.Select(link => link.Context.SpanId).ToHashSet()));
        Assert.All(heard.All($"process {Topic}"), span => Assert.Equal(default, span.ParentSpanId));
    });

    [Fact]
    public Task AFailedHandlerIsAnErrorAndSoIsARefusedSend() => Heard(async (broker, heard) =>
    {
        await broker.Publish(Topic, [Message.OfText("a")]);
        await using (new QueueConsumer(broker, Topic, "g", (_, _) => throw new DeadLetterException("bad")))
            await heard.Of($"process {Topic}", 1);
        await Assert.ThrowsAsync<MqException>(async () => await broker.Publish(Topic, [Message.OfText("a") with { Partition = 7 }]));

        Assert.Equal((ActivityStatusCode.Error, typeof(DeadLetterException).FullName), (heard.One($"process {Topic}").Status, Tag(heard.One($"process {Topic}"), "error.type")));
        Assert.Equal(ErrorCodes.PartitionUnknown, Tag(Assert.Single(heard.All($"send {Topic}"), span => span.Status == ActivityStatusCode.Error), "error.type"));
    });

    [Fact]
    public Task ReadersOfALogHaveSpansToo() => Heard(async (broker, heard) =>
    {
        await broker.Publish(Topic, [Message.OfText("a")]);

        await using (LogConsumer.ForEach(broker, Topic, "l", (_, _) => Task.CompletedTask))
            await heard.Of($"process {Topic}", 1);

        Assert.Equal(heard.One($"send {Topic}").TraceId, heard.One($"process {Topic}").TraceId);
    });

    [Fact]
    public Task WhatBringsAContextKeepsIt() => Heard(async (broker, heard) =>
    {
        await broker.Publish(Topic, [Message.OfText("a") with { Headers = [new(ReservedHeaders.TraceParent, Context)] }]);

        Assert.Equal(Context, Assert.Single(await Headers(broker)).Value);
    });

    [Fact]
    public Task WhatIsNotSampledCarriesNothing() => Heard(async (broker, heard) =>
    {
        await broker.Publish(Topic, [Message.OfText("a")]);

        Assert.Empty(await Headers(broker));
    }, ActivitySamplingResult.None);

    /// <summary>Nobody listens to us, but the application traces itself.</summary>
    [Fact]
    public async Task WhatIsSentInASampledActivityCarriesItsContext()
    {
        await using var broker = await Prepared();
        using var own = new Activity("checkout") { ActivityTraceFlags = ActivityTraceFlags.Recorded };
        own.SetIdFormat(ActivityIdFormat.W3C).Start();

        await broker.Publish(Topic, [Message.OfText("a")]);

        Assert.Contains(own.TraceId.ToString(), Assert.Single(await Headers(broker)).Value, StringComparison.Ordinal);
        Assert.Same(own, Activity.Current);
    }

    [Fact]
    public Task NoMessageIsTooLargeForBeingTraced() => Heard(async (broker, heard) =>
    {
        await broker.PutTopic(Topic, new() { MaxMessageBytes = 1_000 });
        var largest = new Message { Body = new byte[1_000] };

        Assert.Null((await broker.Publish(Topic, [largest]))[0].Error);
        await using var producer = new Producer(broker, Topic);
        await producer.Send(largest);

        Assert.Equal(2, (await broker.ReadAll(Topic)).Count(message => message.Headers.Count == 1));
        await Assert.ThrowsAsync<MqException>(() => producer.Send(new Message { Body = new byte[1_001] }));
    });

    [Theory]
    [InlineData(1_000, Context)]
    [InlineData(934, Context, Context)]
    [InlineData(984, Context, "short")]
    [InlineData(984, "short")]
    [InlineData(918, "short", Context)]
    // As many characters, and one byte more.
    [InlineData(933, "é" + "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    public async Task OneContextOfAMessageCountsNothingAndTheBrokerCountsAsTheSender(int body, params string[] contexts)
    {
        await using var broker = await Prepared();
        await broker.PutTopic(Topic, new() { MaxMessageBytes = 1_000 });
        var largest = new Message { Body = new byte[body], Headers = [.. contexts.Select(context => KeyValuePair.Create(ReservedHeaders.TraceParent, context))] };
        var larger = largest with { Body = new byte[body + 1] };

        Assert.Null(Assert.Single(await broker.Publish(Topic, [largest])).Error);
        await broker.Append(Raw(largest));

        var refusals = new[]
        {
            await Assert.ThrowsAsync<MqException>(async () => await broker.Publish(Topic, [larger])),
            await Assert.ThrowsAsync<MqException>(async () => await broker.Append(Raw(larger))),
        };
        Assert.All(refusals, refusal => Assert.Equal(ErrorCodes.MessageTooLarge, refusal.Code));
        Assert.All(refusals, refusal => Assert.Contains("has 1001 bytes", refusal.Message, StringComparison.Ordinal));
        Assert.Equal(2, (await broker.ReadAll(Topic)).Count);
    }

    private static AppendRequest Raw(Message message)
    {
        var batch = new RecordBatchBuilder(RecordBatch.HeaderSize);
        MessageCodec.Append(batch, message, 0);
        return new AppendRequest { Topic = Topic, Partition = 0, Batch = batch.Build() };
    }

    private static string? Tag(Activity span, string name) => span.GetTagItem(name)?.ToString();

    private static async Task<IReadOnlyList<KeyValuePair<string, string>>> Headers(IBroker broker) => Assert.Single(await broker.ReadAll(Topic)).Headers;

    private static async Task<EmbeddedBroker> Prepared()
    {
        var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic(Topic, new());
        await broker.PutGroup(Topic, "g", new());
        return broker;
    }

    private static async Task Heard(Func<IBroker, Spans, Task> story, ActivitySamplingResult sampled = ActivitySamplingResult.AllDataAndRecorded)
    {
        await using var broker = await Prepared();
        var spans = new Spans();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == MessageTracing.Name,
            // What is sampled changes messages: those of tests beside this one stay as they are.
            Sample = (ref ActivityCreationOptions<ActivityContext> span) => span.Name.EndsWith($" {Topic}", StringComparison.Ordinal) ? sampled : ActivitySamplingResult.None,
            ActivityStopped = spans.Add,
        };
        ActivitySource.AddActivityListener(listener);
        await story(broker, spans);
    }

    private sealed class Spans
    {
        private readonly ConcurrentQueue<Activity> _all = new();

        public void Add(Activity span) => _all.Enqueue(span);

        public List<Activity> All(string name) => [.. _all.Where(span => span.DisplayName == name)];

        public Activity One(string name) => Assert.Single(All(name));

        public Task Of(string name, int count) => Eventually.Holds(() => All(name).Count >= count);
    }
}
