using System.Collections.Concurrent;
using System.Net;

namespace OrleansMq.Webhooks.Tests;

/// <summary>A request as the receiver has it.</summary>
internal sealed record Received(Uri Url, string Body, IReadOnlyDictionary<string, string> Headers)
{
    public string this[string header] => Headers[header];
}

/// <summary>The other end, without a network: answers as its script says.</summary>
internal sealed class Receiver(Func<int, Received, Task<HttpResponseMessage>> script) : HttpMessageHandler
{
    private readonly ConcurrentQueue<Received> _received = new();
    private int _open;

    public Receiver(params HttpStatusCode[] answers) : this((n, _) => Task.FromResult(new HttpResponseMessage(n < answers.Length ? answers[n] : HttpStatusCode.NoContent)))
    {
    }

    public IReadOnlyList<Received> Requests => [.. _received];

    /// <summary>Requests without an answer, at most.</summary>
    public int MostOpen { get; private set; }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var headers = request.Headers.Concat(request.Content!.Headers).ToDictionary(header => header.Key, header => string.Join(",", header.Value), StringComparer.OrdinalIgnoreCase);
        var received = new Received(request.RequestUri!, await request.Content.ReadAsStringAsync(cancellationToken), headers);
        int n;
        lock (_received)
        {
            n = _received.Count;
            _received.Enqueue(received);
            MostOpen = Math.Max(MostOpen, ++_open);
        }

        try
        {
            return await script(n, received).WaitAsync(cancellationToken);
        }
        finally
        {
            lock (_received)
                _open--;
        }
    }
}
