using System.Diagnostics;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using OrleansMq.Access;

namespace OrleansMq.Gateways.Http;

/// <summary>What happens to each request: find its call, check it, read its body, do it, answer; count it.</summary>
internal sealed partial class HttpPipeline : IHttpApplication<HttpContext>
{
    // The client had gone before the answer; nginx's number, seen in the metrics only.
    private const int ClientGone = 499;

    private static readonly HttpRoute Nowhere = new("", "/", "unknown", "", _ => ValueTask.CompletedTask);

    private readonly IBroker _broker;
    private readonly HttpGatewayOptions _options;
    private readonly ILogger _log;
    private readonly CancellationToken _stopping;
    private readonly HttpAuthentication _authentication;
    private readonly QuotaGate? _gate;
    private readonly HttpMetrics _metrics = new();
    private readonly HttpRouter _router;
    private readonly InFlightBytes _inFlightBytes;
    private readonly EventStreams _streams;
    private int _inFlight;

    public HttpPipeline(IBroker broker, HttpGatewayOptions options, ILogger log, CancellationToken stopping)
    {
        (_broker, _options, _log, _stopping) = (broker, options, log, stopping);
        _authentication = new HttpAuthentication(options.Security);
        _gate = options.Security.Access is { } access ? new QuotaGate(access.Quotas, options, stopping) : null;
        _inFlightBytes = new InFlightBytes(options.MaxInFlightBytes);
        _streams = new EventStreams(options.MaxEventStreams);
        IReadOnlyList<HttpRoute> routes = RoutesOf(_metrics, stopping);
        _router = new HttpRouter(routes);
    }

    /// <summary>Every call there is.</summary>
    internal static IReadOnlyList<HttpRoute> RoutesOf(HttpMetrics metrics, CancellationToken stopping)
    {
        var routes = new List<HttpRoute>();
        var openApi = new Lazy<ReadOnlyMemory<byte>>(() => OpenApiDocument.Write(routes));
        routes.AddRange([
            .. TopicCalls.Routes, .. MessageCalls.Routes, .. ScheduledCalls.Routes, .. HalfCalls.Routes, .. BatchCalls.Routes, .. GroupCalls.Routes, .. QueueCalls.Routes, .. EventCalls.Routes, .. TraceCalls.Routes, .. ExchangeCalls.Routes,
            .. TransactionCalls.Routes,
            .. AccessCalls.Routes, .. WebhookCalls.Routes,
            .. new ClusterCalls(metrics, openApi, stopping).Routes,
        ]);
        return routes;
    }

    public HttpContext CreateContext(IFeatureCollection contextFeatures)
    {
        contextFeatures.Get<ServerRefusals>()?.AnswerBegins();
        return new DefaultHttpContext(contextFeatures);
    }

    public void DisposeContext(HttpContext context, Exception? exception) => context.Features.Get<ServerRefusals>()?.AnswerEnds();

    public async Task ProcessRequestAsync(HttpContext context)
    {
        var began = Stopwatch.GetTimestamp();
        var route = _router.Find(context.Request.Method, context.Request.Path.Value ?? "", out var values, out var allowed);
        var call = new HttpCall(context, route ?? Nowhere, values, _options, _broker, _streams, _stopping);
        var body = new RequestBody(_inFlightBytes);
        var bytesIn = 0L;
        var abandoned = true;
        try
        {
            await Guard(context, call, async () =>
            {
                if (_gate is not null && route is not { Public: true })
                    call.Who = await Admit(context, call, _gate);
                if (route is null)
                    throw NotFound(context, allowed);
                RequestChecks.Check(context.Request, route);
                if (route.Body != BodyKind.None)
                    await body.Read(context.Request, route.Body == BodyKind.Octets ? _options.MaxRequestBytes : _options.MaxJsonBytes, context.RequestAborted);
                call.Body = body.Bytes;
                bytesIn = body.Bytes.Length;
                await route.Handle(call);
            });
            abandoned = context.RequestAborted.IsCancellationRequested;
        }
        finally
        {
            body.Give(abandoned);
            var status = context.RequestAborted.IsCancellationRequested ? ClientGone : context.Response.StatusCode;
            if (call.Who is { } who)
                _options.Security.Access!.Quotas.Charge(who, bytesIn + call.BytesOut - call.BytesCharged);
            _metrics.Count(call.Route.Name, status, Stopwatch.GetElapsedTime(began), call.Messages, bytesIn, call.BytesOut);
        }
    }

    /// <summary>Finds out who asks, and lets the request in when its quotas have room.</summary>
    private async ValueTask<Principal?> Admit(HttpContext context, HttpCall call, QuotaGate gate)
    {
        try
        {
            var address = PeerAddress.Of(context.Connection.RemoteIpAddress);
            gate.Enter(address);
            var who = await Know(context, call, address);
            if (context.Features.Get<TenantSeat>()?.Take(who!) is { } crowd)
                throw crowd;
            await gate.Pass(who!, context.RequestAborted);
            return who;
        }
        catch (MqException refusal) when (refusal.Code == ErrorCodes.RateLimited)
        {
            throw await gate.HoldBack(refusal, context.RequestAborted);
        }
    }

    /// <summary>Finds out who asks, and gives the call their broker.</summary>
    private async ValueTask<Principal?> Know(HttpContext context, HttpCall call, string address)
    {
        try
        {
            var who = await _authentication.WhoAsks(context);
            call.Broker = _options.Security.BrokerOf(_broker, who);
            return who;
        }
        catch (MqException stranger) when (stranger.Code == ErrorCodes.Unauthenticated)
        {
            _options.Security.Access!.Quotas.TakeOfStranger(address);
            throw;
        }
    }

    /// <summary>Bounds the calls in flight, and answers whatever goes wrong by a problem document.</summary>
    private async ValueTask Guard(HttpContext context, HttpCall call, Func<ValueTask> handle)
    {
        try
        {
            try
            {
                if (Interlocked.Increment(ref _inFlight) > _options.MaxConcurrentRequests && !call.Route.Vital)
                    throw new MqException(ErrorCodes.Overloaded, $"{_options.MaxConcurrentRequests} requests are in flight, all that this gateway takes.");
                await handle();
            }
            catch (Exception e) when (!IsGone(context, e) && !context.Response.HasStarted)
            {
                var (error, status) = RefusalOf(e, call.Route);
                if (error.Code == ErrorCodes.Unauthenticated)
                    call.SetHeader("WWW-Authenticate", _authentication.Challenges);
                await Problem.Answer(call, error, status: status);
            }
        }
        catch (Exception e) when (IsGone(context, e))
        {
            // Nobody is there to be answered.
        }
        catch (Exception e)
        {
            LogCutOff(e, call.Route.Name);
            context.Abort();
        }
        finally
        {
            Interlocked.Decrement(ref _inFlight);
        }
    }

    private static bool IsGone(HttpContext context, Exception e) => context.RequestAborted.IsCancellationRequested || e is ConnectionResetException;

    /// <returns>The refusal, and its status where that is not the code's own.</returns>
    private (MqError Error, int? Status) RefusalOf(Exception thrown, HttpRoute route)
    {
        switch (thrown)
        {
            case MqException e:
                if (!HttpErrors.Table.ContainsKey(e.Code))
                    LogCodeUnknown(e, e.Code, route.Name);
                return (e.Error, null);
            case BadHttpRequestException e:
                return (HttpErrors.Of(e).Error, null);
            case OperationCanceledException when _stopping.IsCancellationRequested:
                return (new MqError(route.Changes ? ErrorCodes.OutcomeUnknown : ErrorCodes.PartitionUnavailable, "The broker is stopping."), null);
            default:
                LogFault(thrown, route.Name);
                return (FaultIn(route), StatusCodes.Status500InternalServerError);
        }
    }

    // The contract: nothing has changed when a call is refused, except under outcome-unknown. After a fault of ours nobody knows.
    private static MqError FaultIn(HttpRoute route) => route.Changes
        ? new MqError(ErrorCodes.OutcomeUnknown, "A fault in the broker; it stands in its log. The call may or may not have had its effect.")
        : new MqError(HttpErrors.Internal, "A fault in the broker; it stands in its log.");

    private static MqException NotFound(HttpContext context, IReadOnlyList<string> allowed)
    {
        if (allowed.Count == 0)
            return new MqException(HttpErrors.PathUnknown, "There is no such path; /openapi/v1.json has those that there are.");
        var methods = string.Join(", ", allowed);
        context.Response.Headers.Allow = methods;
        return new MqException(HttpErrors.MethodNotAllowed, $"This path has {methods}.");
    }

    [LoggerMessage(LogLevel.Error, "HTTP call {Call} failed by a fault of ours.")]
    private partial void LogFault(Exception fault, string call);

    [LoggerMessage(LogLevel.Warning, "HTTP call {Call} was cut off within its answer.")]
    private partial void LogCutOff(Exception fault, string call);

    [LoggerMessage(LogLevel.Error, "The code {Code} from HTTP call {Call} has no status in the table.")]
    private partial void LogCodeUnknown(Exception fault, string code, string call);
}
