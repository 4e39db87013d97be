using System.Diagnostics.CodeAnalysis;

namespace OrleansMq;

/// <summary>
/// Hands every message of a topic, from the moment it joined, to this instance's handler, each at least once: as a <see cref="QueueConsumer"/> of an ephemeral group of its own. Other instances
/// that do the same get every message too. The group goes with the consumer: at once when it is disposed, else when nobody has received for <see cref="BroadcastOptions.DeleteAfterIdle"/>.
/// </summary>
/// <remarks>
/// Where the consumer was away for longer than that, its group is gone; it makes it again, begins at the end, and says so: <see cref="BroadcastOptions.OnGap"/>, <see cref="Gaps"/>.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "A source without timer and wait handle holds nothing; who still looks at its token may do so.")]
public sealed class BroadcastConsumer : IAsyncDisposable
{
    private readonly IBroker _broker;
    private readonly TopicName _topic;
    private readonly BroadcastOptions _options;
    private readonly TimeProvider _time;
    private readonly EphemeralGroup _group;
    private readonly QueueConsumer _consumer;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _checking;
    private readonly Lazy<Task> _closing;

    private BroadcastConsumer(IBroker broker, TopicName topic, EphemeralGroup group, bool resumed, Func<Delivery, CancellationToken, Task> handle, BroadcastOptions options, TimeProvider time)
    {
        (_broker, _topic, _group, Resumed, _options, _time) = (broker, topic, group, resumed, options, time);
        _consumer = QueueConsumer.OfEphemeral(broker, topic, group, handle, options.Consumer, time);
        _checking = CheckNowAndThen();
        _closing = new(CloseOnce);
    }

    /// <summary>Joins: every message that is published when this has returned is this instance's too.</summary>
    /// <exception cref="MqException">The group can't be made; <see cref="ErrorCodes.Conflict"/>: there is one of this name that is not ephemeral.</exception>
    public static async ValueTask<BroadcastConsumer> Open(
        IBroker broker, TopicName topic, Func<Delivery, CancellationToken, Task> handle, BroadcastOptions? options = null, TimeProvider? time = null, CancellationToken cancel = default)
    {
        (options, time) = (options ?? new(), time ?? TimeProvider.System);
        options.Check();
        var group = new EphemeralGroup(broker, topic, options, time);
        var resumed = await group.Join(cancel);
        return new BroadcastConsumer(broker, topic, group, resumed, handle, options, time);
    }

    public GroupName Group => _group.Name;

    /// <summary>Whether its group was there when it joined: it goes on where it was. False: it begins now, and knows nothing of before.</summary>
    public bool Resumed { get; }

    /// <summary>How often messages may have been missed.</summary>
    public long Gaps => _group.Gaps;

    public ConsumerStatistics Statistics => _consumer.Statistics;

    /// <summary>Stops, and deletes the group.</summary>
    public ValueTask DisposeAsync() => new(_closing.Value);

    private async Task CloseOnce()
    {
        _stop.Cancel();
        await _checking;
        await _consumer.DisposeAsync();
        try
        {
            await _broker.DeleteGroup(_topic, Group);
        }
        catch (MqException gone) when (gone.Code is ErrorCodes.GroupUnknown or ErrorCodes.TopicUnknown)
        {
            // It is gone already.
        }
        catch (Exception e)
        {
            // The broker deletes it when its time is over.
            _options.Consumer.OnError?.Invoke(e);
        }
    }

    private async Task CheckNowAndThen()
    {
        while (true)
        {
            try
            {
                await Task.Delay(_options.CheckEvery, _time, _stop.Token);
                await _group.Check(_stop.Token);
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (MqException gone) when (gone.Code is ErrorCodes.GroupUnknown)
            {
                // The receiving finds out, makes it again, and tells.
            }
            catch (Exception e)
            {
                _options.Consumer.OnError?.Invoke(e);
            }
        }
    }
}
