using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace OrleansMq.Webhooks;

/// <summary>
/// Pushes a group's messages to its webhook: a consumer like any other, on the group's leases. An answer of 2xx acknowledges, any other and none in time refuses: the message comes again
/// after the group's back-off, and is a dead letter after its last delivery. Several processes with the same webhook share the work.
/// </summary>
/// <remarks>Redirects are not followed and no proxy is asked, for either would lead around <see cref="WebhookRules"/>. What an answer says beyond its head is not read.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "A source without timer and wait handle holds nothing; who still looks at its token may do so.")]
public sealed class WebhookPush : IAsyncDisposable
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MaxRetry = TimeSpan.FromSeconds(5);

    // Between two lines about calls to the broker that fail, and between two about a receiver that does.
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMinutes(1);

    // Of a stop: the answers that are on their way, and once more the last settlements.
    private static readonly TimeSpan StopMayTake = TimeSpan.FromSeconds(2);

    private readonly IBroker _broker;
    private readonly Webhook _webhook;
    private readonly HttpMessageInvoker _http;
    private readonly Action<string> _report;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task<QueueConsumer?> _starting;
    private readonly Lock _sync = new();

    // A ping has a connection of its own, and only one.
    private readonly SemaphoreSlim _pinging = new(1);

    // Until then the receiver wants no request.
    private DateTimeOffset _pausedUntil;

    // Of the last line about the broker, and of the last one that the receiver fails; null: none yet.
    private long? _reportedAt;
    private long? _toldAt;

    // Failures in a row, and whether they were told of: then it is told that they are over.
    private long _failing;
    private bool _told;
    private DateTimeOffset? _failingSince;
    private (string Shown, DateTimeOffset At)? _last;
    private long _delivered;
    private long _failed;

    /// <param name="report">Told, in a line, when the receiver begins to fail and when it is well again: of one that does both again and again, once a minute.</param>
    /// <exception cref="FormatException">The webhook can't be.</exception>
    public WebhookPush(IBroker broker, Webhook webhook, WebhookRules? rules = null, Action<string>? report = null, TimeProvider? time = null)
        : this(broker, webhook.Checked(rules ?? new()), HandlerOf(rules ?? new(), webhook), report, time)
    {
    }

    internal WebhookPush(IBroker broker, Webhook webhook, HttpMessageHandler handler, Action<string>? report, TimeProvider? time)
    {
        (_broker, _webhook, _http) = (broker, webhook, new HttpMessageInvoker(handler));
        (_report, _time) = (report ?? (_ => { }), time ?? TimeProvider.System);
        _starting = Start();
    }

    public WebhookStatistics Statistics => new(Interlocked.Read(ref _delivered), Interlocked.Read(ref _failed));

    internal WebhookState StateOn(string node)
    {
        var (pushed, refused) = Statistics;
        lock (_sync)
        {
            return new WebhookState
            {
                Node = node,
                Health = _last is null ? WebhookHealth.Idle : _failingSince is null ? WebhookHealth.Well : WebhookHealth.Failing,
                FailingSince = _failingSince,
                LastAnswer = _last?.Shown,
                LastAnswerAt = _last?.At,
                Pushed = pushed,
                Refused = refused,
            };
        }
    }

    /// <summary>One request without a message; of no effect on the counts, and sent in a pause too.</summary>
    internal async Task<WebhookTrial> Ping(CancellationToken cancel)
    {
        await _pinging.WaitAsync(cancel);
        try
        {
            var began = _time.GetTimestamp();
            using var request = WebhookRequest.OfPing(_webhook, _time.GetUtcNow());
            var answer = await Send(request, cancel);
            return new WebhookTrial(answer.Failure is null, answer.Shown, _time.GetElapsedTime(began));
        }
        finally
        {
            _pinging.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (await _starting is { } consumer)
            await consumer.DisposeAsync();
        _http.Dispose();
    }

    private static SocketsHttpHandler HandlerOf(WebhookRules rules, Webhook webhook) => new()
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        ActivityHeadersPropagator = null,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = webhook.Timeout,
        MaxConnectionsPerServer = webhook.MaxInFlight + 1,
        MaxResponseHeadersLength = 16,
        MaxResponseDrainSize = 64 << 10,
        // Names are asked again now and then.
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        ConnectCallback = (context, cancel) => CallableAddresses.Connect(context.DnsEndPoint, rules, cancel),
    };

    /// <summary>Declares the group, so that nothing is thrown away that was not pushed yet, and begins.</summary>
    private async Task<QueueConsumer?> Start()
    {
        await Task.Yield();
        for (var failures = 0; !_stop.IsCancellationRequested; failures++)
        {
            try
            {
                await _broker.PutGroup(_webhook.Topic, _webhook.Group, new GroupChange(), _stop.Token);
                return new QueueConsumer(_broker, _webhook.Topic, _webhook.Group, Push, new()
                {
                    Workers = _webhook.MaxInFlight,
                    Prefetch = _webhook.MaxInFlight,
                    StopTimeout = StopMayTake,
                    MaxRetryDelay = MaxRetry,
                    OnError = ReportError,
                }, _time);
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                if (failures == 0)
                    _report($"{_webhook} waits for its group: {e.Message}");
                var pause = FirstRetry * Math.Pow(2, Math.Min(failures, 10));
                await Task.Delay(pause < MaxRetry ? pause : MaxRetry, _time, _stop.Token)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }
        }

        return null;
    }

    private async Task Push(Delivery delivery, CancellationToken cancel)
    {
        await PauseIsOver(cancel);
        using var request = WebhookRequest.Of(_webhook, delivery, _time.GetUtcNow());
        var answer = await Send(request, cancel);
        Tell(answer);
        if (answer.Failure is null)
        {
            Interlocked.Increment(ref _delivered);
            return;
        }

        Interlocked.Increment(ref _failed);
        throw new RefuseException(answer.RetryAfter);
    }

    /// <summary>Waits under its lease, which is extended: a refusal would use up a delivery without a try.</summary>
    private async Task PauseIsOver(CancellationToken cancel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, _stop.Token);
        while (true)
        {
            TimeSpan left;
            lock (_sync)
                left = _pausedUntil - _time.GetUtcNow();
            if (left <= TimeSpan.Zero)
                return;
            try
            {
                await Task.Delay(left, _time, either.Token);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                // It was not tried, so that another may have it at once.
                throw new RefuseException(TimeSpan.Zero);
            }
        }
    }

    private async Task<WebhookAnswer> Send(HttpRequestMessage request, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(_webhook.Timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        try
        {
            using var response = await _http.SendAsync(request, either.Token);
            return WebhookAnswer.Of(response, _time.GetUtcNow());
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return WebhookAnswer.None($"it did not answer within {_webhook.Timeout.TotalMilliseconds:0} ms");
        }
        catch (NotCallableException e)
        {
            return WebhookAnswer.None(e.Message, CallableAddresses.Refusal);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return e.InnerException is NotCallableException inner ? WebhookAnswer.None(inner.Message, CallableAddresses.Refusal) : WebhookAnswer.None(e.InnerException?.Message ?? e.Message);
        }
    }

    private void ReportError(Exception e)
    {
        lock (_sync)
            if (!IsDue(ref _reportedAt))
                return;
        _report($"{_webhook}: {e.Message} It is tried again.");
    }

    private void Tell(WebhookAnswer answer)
    {
        string? line;
        lock (_sync)
        {
            var now = _time.GetUtcNow();
            if (answer.RetryAfter is { } delay)
                _pausedUntil = now + delay > _pausedUntil ? now + delay : _pausedUntil;
            _last = (answer.Shown, now);
            _failingSince = answer.Failure is null ? null : _failingSince ?? now;
            line = answer.Failure is { } failure ? Failed(failure) : Succeeded();
        }

        if (line is not null)
            _report(line);
    }

    /// <summary>Under the lock, as <see cref="Succeeded"/> and <see cref="IsDue"/>.</summary>
    private string? Failed(string failure)
    {
        _failing++;
        if (_told || !IsDue(ref _toldAt))
            return null;
        _told = true;
        return $"{_webhook} fails at {_webhook.Url.Host}: {failure}. What is refused comes again after the group's back-off.";
    }

    private string? Succeeded()
    {
        var line = _told ? $"{_webhook} takes messages again, after {_failing} requests that failed." : null;
        (_failing, _told) = (0, false);
        return line;
    }

    private bool IsDue(ref long? last)
    {
        if (last is { } at && _time.GetElapsedTime(at) < ReportEvery)
            return false;
        last = _time.GetTimestamp();
        return true;
    }
}

/// <summary>What a <see cref="WebhookPush"/> has done so far.</summary>
/// <param name="Delivered">Messages that the receiver has taken.</param>
/// <param name="Failed">Requests that it has not.</param>
public readonly record struct WebhookStatistics(long Delivered, long Failed);
