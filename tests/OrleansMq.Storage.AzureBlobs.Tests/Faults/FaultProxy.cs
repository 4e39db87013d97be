using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrleansMq.Storage.AzureBlobs.Tests.Faults;

/// <summary>Stands before Azurite on a port of its own and does to each request what the plan says.</summary>
public sealed class FaultProxy : IAsyncDisposable
{
    // What belongs to a connection and is not passed on.
    private static readonly string[] OfTheConnection = ["Connection", "Keep-Alive", "Transfer-Encoding", "Host"];

    /// <summary>How long a caller waits for an answer that does not come; long enough that a busy machine's slow ones are not taken for it.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(1.5);

    private readonly WebApplication _app;
    private readonly HttpClient _azurite;
    private readonly IFaultPlan _plan;
    private readonly List<Task> _late = [];
    private int _requests;
    private int _appends;
    private long _appendedBytes;

    public FaultProxy(int azuritePort, IFaultPlan plan)
    {
        _plan = plan;
        _azurite = new HttpClient { BaseAddress = new UriBuilder("http", "127.0.0.1", azuritePort).Uri };
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0);
            kestrel.Limits.MaxRequestBodySize = null;
        });
        _app = builder.Build();
        _app.Run(Handle);
        _app.Start();
        Port = new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port;
    }

    public int Port { get; }

    public int Requests => Volatile.Read(ref _requests);

    public int Appends => Volatile.Read(ref _appends);

    public long AppendedBytes => Interlocked.Read(ref _appendedBytes);

    /// <summary>Returns when everything that was held back has reached the service.</summary>
    public Task Late()
    {
        lock (_late)
            return Task.WhenAll(_late);
    }

    public async ValueTask DisposeAsync()
    {
        await Late();
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
        _azurite.Dispose();
    }

    private async Task Handle(HttpContext context)
    {
        Interlocked.Increment(ref _requests);
        var fault = _plan.Next(context.Request);
        var request = await Copy(context);
        if (context.Request.IsAppend())
        {
            Interlocked.Increment(ref _appends);
            Interlocked.Add(ref _appendedBytes, request.Content!.Headers.ContentLength ?? 0);
        }
        switch (fault)
        {
            case Fault.ConditionNotMet:
                Answer(context, HttpStatusCode.PreconditionFailed, "ConditionNotMet");
                return;
            case Fault.Error:
                Answer(context, HttpStatusCode.InternalServerError, "InternalError");
                return;
            case Fault.Busy:
                Answer(context, HttpStatusCode.ServiceUnavailable, "ServerBusy");
                return;
            case Fault.CutBefore:
                context.Abort();
                return;
            case Fault.LateBefore:
                // Not awaited: the caller is gone by then, and the next attempt may overtake it.
                lock (_late)
                    _late.Add(AfterCallerIsGone(context, request));
                await Gone(context);
                return;
            case Fault.Slow:
                await Task.Delay(TimeSpan.FromMilliseconds(30));
                break;
        }

        using var answer = await _azurite.SendAsync(request, HttpCompletionOption.ResponseContentRead);
        switch (fault)
        {
            case Fault.CutAfter:
                context.Abort();
                return;
            case Fault.ErrorAfter:
                Answer(context, HttpStatusCode.InternalServerError, "OperationTimedOut");
                return;
            case Fault.SilentAfter:
                await Gone(context);
                return;
            default:
                await PassOn(context, answer);
                return;
        }
    }

    private async Task AfterCallerIsGone(HttpContext context, HttpRequestMessage request)
    {
        await Gone(context);
        using var _ = await _azurite.SendAsync(request, HttpCompletionOption.ResponseContentRead);
    }

    private static Task Gone(HttpContext context)
    {
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        context.RequestAborted.Register(gone.SetResult);
        return gone.Task;
    }

    private static void Answer(HttpContext context, HttpStatusCode status, string code)
    {
        context.Response.StatusCode = (int)status;
        context.Response.Headers["x-ms-error-code"] = code;
        context.Response.ContentLength = 0;
    }

    private static async Task<HttpRequestMessage> Copy(HttpContext context)
    {
        var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        // As it came: the signature covers the path as it was sent.
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), new Uri(target, UriKind.Relative))
        {
            Content = new ByteArrayContent(body.ToArray()),
        };
        foreach (var (name, values) in context.Request.Headers)
        {
            if (OfTheConnection.Contains(name, StringComparer.OrdinalIgnoreCase))
                continue;
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
                request.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }
        return request;
    }

    private static async Task PassOn(HttpContext context, HttpResponseMessage answer)
    {
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
        {
            if (!OfTheConnection.Contains(name, StringComparer.OrdinalIgnoreCase))
                context.Response.Headers.Append(name, values.ToArray());
        }
        var body = await answer.Content.ReadAsByteArrayAsync();
        if (context.Request.Method != "HEAD" && body.Length > 0)
            await context.Response.Body.WriteAsync(body);
    }
}
