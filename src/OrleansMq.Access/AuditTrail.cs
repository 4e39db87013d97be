using System.Buffers;
using System.Text.Json;
using System.Threading.Channels;

namespace OrleansMq.Access;

/// <summary>What the trail holds of one call.</summary>
/// <param name="What">A call's name, or <c>login</c>.</param>
/// <param name="On">For example <c>topic orders</c>; of a tenant, by its own name.</param>
public sealed record AuditEvent(DateTimeOffset At, string Principal, string? Tenant, string Address, string What, string On, bool Refused);

/// <summary>Refusals and what administrators do, as messages of a topic of its own.</summary>
/// <remarks>
/// Calls never wait for it: at most <see cref="MaxWaiting"/> events wait to be written, further ones are counted and the count is written when there is room. So a flood of refusals costs
/// neither the callers' time nor more disk than the topic keeps. What concerns a tenant is also in a topic of the same name among the tenant's own, once and without a second try: nothing
/// that a tenant does may hold up the operators' trail.
/// </remarks>
public sealed class AuditTrail : IAsyncDisposable
{
    /// <summary>Reserved: administrators alone may read it, and nobody's pattern opens it.</summary>
    public const string TopicName = AccessState.ReservedPrefix + "audit";

    public const int MaxWaiting = 4_096;

    private const int AtOnce = 256;
    private const long KeepBytes = 64L << 20;
    private const long TenantKeepBytes = 8L << 20;
    private static readonly TimeSpan Keep = TimeSpan.FromDays(90);
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1);

    private readonly IBroker _broker;
    private readonly TimeProvider _time;
    private readonly Action<string> _report;
    private readonly Channel<AuditEvent> _waiting = Channel.CreateBounded<AuditEvent>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    private readonly CancellationTokenSource _hurry = new();
    private readonly Task _writing;
    private long _lost;
    private readonly HashSet<string> _madeOfTenants = new(StringComparer.Ordinal);
    private bool _made;

    public AuditTrail(IBroker broker, Action<string>? report = null, TimeProvider? time = null)
    {
        (_broker, _report, _time) = (broker, report ?? (_ => { }), time ?? TimeProvider.System);
        _writing = Write();
    }

    public void Add(Principal principal, string what, string on, bool refused)
    {
        if (!_waiting.Writer.TryWrite(new AuditEvent(_time.GetUtcNow(), principal.Name, principal.Tenant, principal.Address, what, on, refused)))
            Interlocked.Increment(ref _lost);
    }

    /// <summary>Writes what waits, for a while.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        _hurry.CancelAfter(TimeSpan.FromSeconds(2));
        await _writing;
        _hurry.Dispose();
    }

    private async Task Write()
    {
        var batch = new List<AuditEvent>(AtOnce);
        try
        {
            while (await _waiting.Reader.WaitToReadAsync(_hurry.Token))
            {
                while (batch.Count < AtOnce && _waiting.Reader.TryRead(out var one))
                    batch.Add(one);
                await Store(batch);
                foreach (var ofTenant in batch.Where(one => one.Tenant is not null).GroupBy(one => one.Tenant!, StringComparer.Ordinal))
                    await StoreOf(ofTenant.Key, [.. ofTenant.Select(MessageOf)]);
                batch.Clear();
            }
        }
        catch (OperationCanceledException) when (_hurry.IsCancellationRequested)
        {
            _report($"The audit trail lacks its last {batch.Count + _waiting.Reader.Count} events: the broker took none.");
        }
    }

    private async Task Store(List<AuditEvent> batch)
    {
        var lost = Interlocked.Exchange(ref _lost, 0);
        IReadOnlyList<Message> messages = [.. batch.Select(MessageOf), .. lost == 0 ? [] : new[] { MessageOfLost(lost) }];
        while (true)
        {
            try
            {
                if (!_made)
                {
                    await _broker.PutTopic(TopicName, new TopicChange { KeepUnsettled = false, Retention = Keep, RetentionBytes = (long?)KeepBytes }, _hurry.Token);
                    _made = true;
                }
                foreach (var result in await _broker.Publish(TopicName, messages, null, _hurry.Token))
                    result.OrThrow();
                return;
            }
            catch (Exception e) when (!_hurry.IsCancellationRequested)
            {
                // Whatever it is: a trail that stopped would stop in silence.
                _made = false;
                _report($"The audit trail can't be written, and is tried again: {e.Message}");
                await Task.Delay(Again, _time, _hurry.Token);
            }
        }
    }

    private async Task StoreOf(string tenant, IReadOnlyList<Message> messages)
    {
        var topic = new TenantNames(tenant).In(new TopicName(TopicName));
        try
        {
            if (!_madeOfTenants.Contains(tenant))
            {
                await _broker.PutTopic(topic, new TopicChange { KeepUnsettled = false, Retention = Keep, RetentionBytes = (long?)TenantKeepBytes }, _hurry.Token);
                _madeOfTenants.Add(tenant);
            }
            foreach (var result in await _broker.Publish(topic, messages, null, _hurry.Token))
                result.OrThrow();
        }
        catch (Exception e) when (!_hurry.IsCancellationRequested)
        {
            _madeOfTenants.Remove(tenant);
            _report($"The audit trail of tenant {tenant} lacks {messages.Count} events, which the operators' has: {e.Message}");
        }
    }

    private static Message MessageOf(AuditEvent one) => MessageWith(writer =>
    {
        writer.WriteString("at", one.At);
        writer.WriteString("who", one.Principal);
        if (one.Tenant is { } tenant)
            writer.WriteString("tenant", tenant);
        writer.WriteString("from", one.Address);
        writer.WriteString("what", one.What);
        writer.WriteString("on", one.On);
        writer.WriteString("outcome", one.Refused ? "refused" : "done");
    });

    private Message MessageOfLost(long lost) => MessageWith(writer =>
    {
        writer.WriteString("at", _time.GetUtcNow());
        writer.WriteNumber("lost", lost);
    });

    private static Message MessageWith(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }
        return new Message { Body = buffer.WrittenMemory, ContentType = "application/json" };
    }
}
