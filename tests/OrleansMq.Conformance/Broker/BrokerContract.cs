using System.Globalization;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>
/// What every <see cref="IBroker"/> promises, as stories. A host inherits each class of this folder in a few lines. Those whose name begins with Timed are for hosts
/// with a <see cref="Clock"/>; RestartContract and CrashContract for hosts that can do that.
/// </summary>
public abstract class BrokerContract
{
    /// <summary>Long enough for anything that is to happen, in real or virtual time.</summary>
    protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>The clock that the broker goes by, where the host can say so; a new one for each story.</summary>
    protected virtual ManualTime? Clock => null;

    protected ManualTime Time => Clock ?? throw new NotSupportedException($"{GetType().Name} is for hosts with a clock of their own.");

    /// <summary>For producers and consumers.</summary>
    protected TimeProvider ClientTime => Clock ?? TimeProvider.System;

    protected abstract Task<BrokerUnderTest> Start();

    protected Task Story(Func<IBroker, Task> story) => Story((BrokerUnderTest host) => story(host.Broker));

    protected Task Story(Func<BrokerUnderTest, Task> story)
    {
        if (Clock is null)
            return Run();
        StoryThread.Run(Run);
        return Task.CompletedTask;

        async Task Run()
        {
            await using var host = await Start();
            await story(host);
        }
    }

    /// <summary>Awaits; where the clock stands still it is moved meanwhile.</summary>
    protected Task<T> Until<T>(Task<T> task) => Clock is { } clock ? clock.Until(task) : task.WaitAsync(Patience);

    /// <inheritdoc cref="Until{T}(Task{T})"/>
    protected Task Until(Task task) => Clock is { } clock ? clock.Until(task) : task.WaitAsync(Patience);

    protected static Message Text(string body, string? key = null) => Message.OfText(body, key);

    protected static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    protected static string[] Numbers(int from, int count) => [.. Enumerable.Range(from, count).Select(Number)];

    protected static async Task<IReadOnlyList<PublishResult>> Publish(IBroker broker, TopicName topic, params string[] bodies) =>
        await broker.Publish(topic, [.. bodies.Select(body => Text(body))]);

    protected static async Task<IReadOnlyList<PublishResult>> PublishKeyed(IBroker broker, TopicName topic, params (string Key, string Body)[] messages) =>
        await broker.Publish(topic, [.. messages.Select(message => Text(message.Body, message.Key))]);

    /// <summary>Leases what is there now.</summary>
    protected static async Task<IReadOnlyList<Delivery>> Receive(IBroker broker, TopicName topic, GroupName group, int max = 100, string consumer = "c") =>
        await broker.Receive(topic, group, new ReceiveRequest { Max = max, Consumer = consumer });

    /// <summary>Leases the one message that is to be there.</summary>
    protected static async Task<Delivery> ReceiveOne(IBroker broker, TopicName topic, GroupName group, string consumer = "c") =>
        Assert.Single(await Receive(broker, topic, group, 1, consumer));

    protected static async Task Settle(IBroker broker, TopicName topic, GroupName group, Settlement settlement) =>
        Assert.All(await broker.Settle(topic, group, settlement), result => Assert.Null(result.Code));

    protected static Task Acknowledge(IBroker broker, TopicName topic, GroupName group, params Delivery[] deliveries) =>
        Settle(broker, topic, group, Settlement.Acknowledge([.. deliveries.Select(delivery => delivery.Lease)]));

    protected static Task Refuse(IBroker broker, TopicName topic, GroupName group, TimeSpan? delay, params Delivery[] deliveries) =>
        Settle(broker, topic, group, Settlement.Refuse([.. deliveries.Select(delivery => delivery.Lease)], delay));

    protected static async Task<string?> CodeOf(IBroker broker, TopicName topic, GroupName group, Settlement settlement) =>
        Assert.Single(await broker.Settle(topic, group, settlement)).Code;

    protected static string[] Bodies(IEnumerable<StoredMessage> messages) => [.. messages.Select(message => message.BodyText)];

    protected static async Task<MqException> Refused(string code, Func<ValueTask> call)
    {
        var refusal = await Assert.ThrowsAsync<MqException>(async () => await call());
        Assert.Equal(code, refusal.Code);
        return refusal;
    }

    protected static Task<MqException> Refused<T>(string code, Func<ValueTask<T>> call) => Refused(code, async () => { await call(); });
}
