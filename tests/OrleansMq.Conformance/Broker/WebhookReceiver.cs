using System.Collections.Concurrent;
using System.Net;
using OrleansMq.Servers;

namespace OrleansMq.Conformance.Broker;

/// <summary>A request as it came.</summary>
public sealed record WebhookRequestSeen(string Path, string Body, IReadOnlyDictionary<string, string> Headers);

/// <summary>The other end of webhooks, on this machine: answers 200, <c>/redirect</c> by one, <c>/endless</c> without an end, and <c>/503</c> and the like by that status.</summary>
public sealed class WebhookReceiver : IDisposable
{
    private readonly ConcurrentQueue<WebhookRequestSeen> _received = new();
    private readonly HttpListener _listener;
    private readonly string _at;

    public WebhookReceiver()
    {
        (_listener, _at) = Listen();
        _ = Serve();
    }

    public IReadOnlyList<WebhookRequestSeen> Received => [.. _received];

    public Uri At(string path) => new(_at + path);

    public void Dispose() => _listener.Close();

    private static (HttpListener Listener, string At) Listen()
    {
        // HttpListener takes no port 0; another may take the one that was free.
        while (true)
        {
            var port = FreePort.Take();
            var listener = new HttpListener();
            listener.Prefixes.Add($"http://127.0.0.1:{port}/");
            try
            {
                listener.Start();
                return (listener, $"http://127.0.0.1:{port}");
            }
            catch (HttpListenerException)
            {
                listener.Close();
            }
        }
    }

    private async Task Serve()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                using var reader = new StreamReader(context.Request.InputStream);
                var headers = context.Request.Headers.AllKeys.OfType<string>().ToDictionary(name => name, name => context.Request.Headers[name] ?? "", StringComparer.OrdinalIgnoreCase);
                _received.Enqueue(new WebhookRequestSeen(context.Request.Url!.AbsolutePath, await reader.ReadToEndAsync(), headers));
                Answer(context.Response, context.Request.Url.AbsolutePath);
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
        {
            // The story is over.
        }
    }

    private void Answer(HttpListenerResponse response, string path)
    {
        if (path == "/redirect")
            response.Redirect(_at + "/elsewhere");
        if (int.TryParse(path[1..], out var status))
            response.StatusCode = status;
        if (path != "/endless")
        {
            response.Close();
            return;
        }

        response.SendChunked = true;
        response.OutputStream.Write("endless"u8);
        response.OutputStream.Flush();
    }
}
