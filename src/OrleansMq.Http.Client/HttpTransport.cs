using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using OrleansMq.Json;

namespace OrleansMq;

/// <summary>A request to send.</summary>
/// <param name="Changes">Something may have changed when no answer comes.</param>
/// <param name="Wait">How long the broker may take by what the request says.</param>
internal readonly record struct HttpAsk(HttpMethod Method, string Path, HttpContent? Body = null, bool Changes = false, TimeSpan Wait = default);

/// <summary>An answer of success, or a refusal that holds more than its problem.</summary>
internal readonly record struct HttpAnswer(HttpStatusCode Status, ReadOnlyMemory<byte> Body);

/// <summary>Sends requests over pooled connections, and says of each failure whether something may have happened.</summary>
internal sealed class HttpTransport : IDisposable
{
    private const string Json = "application/json";
    private const string Octets = "application/octet-stream";

    // The gateway's own codes for what every caller of a broker knows under another name.
    private const string RequestTimeout = "request-timeout";
    private const string RequestTooLarge = "request-too-large";

    private readonly HttpClient _client;
    private readonly HttpBrokerOptions _options;

    public HttpTransport(Uri address, HttpBrokerOptions options)
    {
        _options = options;
        _client = new HttpClient(new SocketsHttpHandler
        {
            ConnectTimeout = options.ConnectTimeout,
            PooledConnectionIdleTimeout = options.IdleTimeout,
            MaxConnectionsPerServer = options.MaxConnections,
            UseProxy = options.UseProxy,
            UseCookies = false,
            AllowAutoRedirect = false,
            SslOptions = Tls(options),
        })
        {
            BaseAddress = address,
            Timeout = Timeout.InfiniteTimeSpan,
            DefaultRequestVersion = HttpVersion.Version11,
        };
        _client.DefaultRequestHeaders.Authorization = options.Credential?.Header;
    }

    private static SslClientAuthenticationOptions Tls(HttpBrokerOptions options)
    {
        var tls = new SslClientAuthenticationOptions();
        if (options.Certificate is { } certificate)
            tls.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true);
        if (options.Roots is { } roots)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(roots);
        }
        return tls;
    }

    public static HttpContent JsonBody(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        JsonForm.Write(buffer, write);
        return BodyOf(buffer.WrittenMemory, Json);
    }

    public static HttpContent OctetBody(ReadOnlyMemory<byte> bytes) => BodyOf(bytes, Octets);

    /// <exception cref="MqException">It was refused, or no answer came.</exception>
    public async ValueTask<HttpAnswer> Send(HttpAsk ask, CancellationToken cancel)
    {
        var answer = await Exchange(ask, cancel);
        return (int)answer.Status < 300 ? answer : throw RefusalOf(answer, ask);
    }

    /// <summary>Sends, and reads the answer.</summary>
    public async ValueTask<T> Send<T>(HttpAsk ask, Func<JsonSpot, T> read, CancellationToken cancel) => ReadJson(ask, await Send(ask, cancel), read);

    public static T ReadJson<T>(HttpAsk ask, HttpAnswer answer, Func<JsonSpot, T> read) => Read(ask, answer, body => JsonForm.ReadAnswer(body, read));

    /// <summary>An answer that can't be read says nothing of what happened.</summary>
    public static T Read<T>(HttpAsk ask, HttpAnswer answer, Func<ReadOnlyMemory<byte>, T> read)
    {
        try
        {
            return read(answer.Body);
        }
        catch (MqException e) when (e.Code == ErrorCodes.Malformed)
        {
            throw Failure(ask, $"The answer to {ask.Method} {ask.Path} can't be read: {e.Message}", e);
        }
    }

    /// <summary>Sends, and gives back whatever answer comes.</summary>
    public async ValueTask<HttpAnswer> Exchange(HttpAsk ask, CancellationToken cancel)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timeout.CancelAfter(_options.RequestTimeout + ask.Wait);
        // A request without a body is sent again by the handler itself, unasked, where its connection breaks before an answer: then "can't be reached" of the second would hide that the first may have been done.
        var body = ask.Body ?? (ask.Changes ? new ByteArrayContent([]) : null);
        using var request = new HttpRequestMessage(ask.Method, ask.Path) { Content = body, Version = HttpVersion.Version11 };
        try
        {
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseContentRead, timeout.Token);
            return new HttpAnswer(response.StatusCode, await response.Content.ReadAsByteArrayAsync(timeout.Token));
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
            or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError)
        {
            throw NotReached(e);
        }
        catch (OperationCanceledException e) when (e.InnerException is TimeoutException && !timeout.IsCancellationRequested)
        {
            throw NotReached(e);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw Failure(ask, $"No answer from {_client.BaseAddress} to {ask.Method} {ask.Path} within {_options.RequestTimeout + ask.Wait}.", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Failure(ask, $"The connection to {_client.BaseAddress} broke during {ask.Method} {ask.Path}: {Cause(e)}", e);
        }
    }

    /// <summary>The refusal that a problem document holds; where something else stands between us and the broker, its status has to do.</summary>
    public static MqException RefusalOf(HttpAnswer answer, HttpAsk ask)
    {
        try
        {
            var error = JsonForm.ReadAnswer(answer.Body, ErrorJson.Read);
            return new MqException(error.Code switch
            {
                RequestTimeout => error with { Code = ErrorCodes.PartitionUnavailable },
                RequestTooLarge => error with { Code = ErrorCodes.BatchTooLarge },
                _ => error,
            });
        }
        catch (MqException)
        {
            var text = $"{ask.Method} {ask.Path} was answered {(int)answer.Status} without a problem document.";
            return (int)answer.Status switch
            {
                429 => new MqException(ErrorCodes.Overloaded, text),
                401 => new MqException(ErrorCodes.Unauthenticated, text),
                403 => new MqException(ErrorCodes.Forbidden, text),
                408 => new MqException(ErrorCodes.PartitionUnavailable, text),
                413 => new MqException(ErrorCodes.BatchTooLarge, text),
                >= 500 => Failure(ask, text, null),
                // The broker gives a problem document with each: something else answers at this address.
                _ => new MqException(ErrorCodes.NotABroker, $"{text} Is it a broker's address?"),
            };
        }
    }

    public void Dispose() => _client.Dispose();

    private static ReadOnlyMemoryContent BodyOf(ReadOnlyMemory<byte> bytes, string type)
    {
        var body = new ReadOnlyMemoryContent(bytes);
        body.Headers.ContentType = new MediaTypeHeaderValue(type);
        return body;
    }

    // "… see inner exception" tells a person at a shell nothing. A socket's own text lacks the address, which the outer one has.
    private static string Cause(Exception e) => e.GetBaseException() is SocketException ? e.Message : e.GetBaseException().Message;

    private MqException NotReached(Exception e) =>
        new(ErrorCodes.PartitionUnavailable, $"{_client.BaseAddress} can't be reached: {Cause(e)}", TimeSpan.FromMilliseconds(100), e);

    private static MqException Failure(HttpAsk ask, string detail, Exception? inner) =>
        new(ask.Changes ? ErrorCodes.OutcomeUnknown : ErrorCodes.PartitionUnavailable, detail, TimeSpan.FromMilliseconds(100), inner);
}
