using System.Net;
using System.Net.Sockets;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>Connections that break, requests that are too many, clients that go, gateways that stop.</summary>
public sealed class FailureTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task NobodyListensIsUnavailableAndNothingWasSent()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        taken.Stop();
        await using var broker = HttpBroker.Connect(new Uri($"http://127.0.0.1:{port}"));
        Assert.Equal(ErrorCodes.PartitionUnavailable, (await Assert.ThrowsAsync<MqException>(async () => await broker.Publish("t", [Samples.Message]))).Code);
        Assert.Equal(ErrorCodes.PartitionUnavailable, (await Assert.ThrowsAsync<MqException>(async () => await broker.DescribeTopic("t"))).Code);
    }

    [Fact]
    public async Task TlsWithAServerThatHasNoneIsSaidWithItsCause()
    {
        await using var rude = new RudeServer("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        await using var broker = HttpBroker.Connect(new UriBuilder(rude.Uri) { Scheme = "https" }.Uri);
        var refused = await Assert.ThrowsAsync<MqException>(async () => await broker.DescribeTopic("t"));
        Assert.Equal(ErrorCodes.PartitionUnavailable, refused.Code);
        Assert.DoesNotContain("inner exception", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"resu")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\n\r\n<html> </html>")]
    [InlineData("HTTP/1.1 501 Not Implemented\r\nContent-Length: 3\r\n\r\noh!")]
    [InlineData("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\noh!")]
    [InlineData("nonsense\r\n\r\n")]
    public async Task AnswerThatIsNoneLeavesAChangeUnknown(string answer)
    {
        await using var rude = new RudeServer(answer);
        await using var broker = HttpBroker.Connect(rude.Uri);
        Assert.Equal(ErrorCodes.OutcomeUnknown, (await Assert.ThrowsAsync<MqException>(async () => await broker.Publish("t", [Samples.Message]))).Code);
        Assert.Equal(ErrorCodes.PartitionUnavailable, (await Assert.ThrowsAsync<MqException>(async () => await broker.DescribeTopic("t"))).Code);
    }

    [Theory]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nwhat")]
    [InlineData("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 14\r\n\r\n<html> </html>")]
    [InlineData("HTTP/1.1 301 Moved Permanently\r\nLocation: https://elsewhere/\r\nContent-Length: 0\r\n\r\n")]
    public async Task WhatIsNoBrokerIsSaidAtOnce(string answer)
    {
        await using var rude = new RudeServer(answer);
        await using var broker = HttpBroker.Connect(rude.Uri);
        await using var producer = new Producer(broker, "t");
        Assert.Equal(ErrorCodes.NotABroker, (await Assert.ThrowsAsync<MqException>(() => producer.Send(Samples.Message).WaitAsync(Patience))).Code);
        Assert.Equal(ErrorCodes.NotABroker, (await Assert.ThrowsAsync<MqException>(async () => await broker.DescribeTopic("t"))).Code);
    }

    [Fact]
    public async Task ServerThatDiesWithARequestOnAConnectionInUseLeavesAChangeUnknown()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var broker = HttpBroker.Connect(new Uri($"http://{listener.LocalEndpoint}"));
        var serving = AnswerOneTakeTheNextAndDie();
        await broker.DeleteTopic("first");
        Assert.Equal(ErrorCodes.OutcomeUnknown, (await Assert.ThrowsAsync<MqException>(async () => await broker.DeleteTopic("second"))).Code);
        await serving.WaitAsync(Patience);

        async Task AnswerOneTakeTheNextAndDie()
        {
            var buffer = new byte[65536];
            using var client = await listener.AcceptSocketAsync();
            await client.ReceiveAsync(buffer);
            await client.SendAsync("HTTP/1.1 204 No Content\r\n\r\n"u8.ToArray());
            await client.ReceiveAsync(buffer);
            listener.Stop();
        }
    }

    [Fact]
    public async Task AnswerThatDoesNotComeLeavesAChangeUnknown()
    {
        await using var served = await Served.Start();
        served.Broker.Before = (_, cancel) => Task.Delay(Timeout.Infinite, cancel);
        await using var broker = HttpBroker.Connect(served.Gateway.Uri, new HttpBrokerOptions { RequestTimeout = TimeSpan.FromMilliseconds(50) });
        Assert.Equal(ErrorCodes.OutcomeUnknown, (await Assert.ThrowsAsync<MqException>(async () => await broker.DeleteTopic("t"))).Code);
        Assert.Equal(ErrorCodes.PartitionUnavailable, (await Assert.ThrowsAsync<MqException>(async () => await broker.DescribeTopic("t"))).Code);
    }

    [Fact]
    public async Task CallersOwnCancellationIsCancellation()
    {
        await using var served = await Served.Start();
        served.Broker.Before = (_, cancel) => Task.Delay(Timeout.Infinite, cancel);
        await using var broker = HttpBroker.Connect(served.Gateway.Uri);
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await broker.Receive("t", "g", new ReceiveRequest { Wait = Patience }, cancel.Token));
    }

    [Fact]
    public async Task ClientThatGoesEndsItsWait()
    {
        await using var served = await Served.Start();
        var (came, ended) = (new TaskCompletionSource(), new TaskCompletionSource());
        served.Broker.Before = async (_, cancel) =>
        {
            using var registration = cancel.Register(ended.SetResult);
            came.SetResult();
            await Task.Delay(Timeout.Infinite, cancel);
        };
        using var client = new CancellationTokenSource();
        var call = served.Send("POST", "/v1/topics/t/groups/g/receive", "{\"waitMs\":60000}"u8.ToArray(), "application/json", client.Token);
        await came.Task.WaitAsync(Patience);
        await client.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await ended.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task StoppingEndsWaitsAndFinishesWhatIsInFlight()
    {
        await using var served = await Served.Start();
        var (came, go) = (new CountdownEvent(3), new TaskCompletionSource());
        served.Broker.Before = async (call, cancel) =>
        {
            came.Signal();
            if (call == "Publish")
                await go.Task;
            else
                await Task.Delay(Timeout.Infinite, cancel);
        };
        var publish = served.Send("POST", "/v1/topics/t/messages", "{}");
        var receive = served.Send("POST", "/v1/topics/t/groups/g/receive", "{\"waitMs\":60000}");
        var read = served.Send("GET", "/v1/topics/t/partitions/0/batches?from=0&waitMs=60000");
        Assert.True(came.Wait(Patience));

        var stop = served.Gateway.Stop(default).AsTask();
        Assert.Equal("outcome-unknown", (await receive.WaitAsync(Patience)).ProblemCode());
        Assert.Equal("partition-unavailable", (await read.WaitAsync(Patience)).ProblemCode());
        Assert.False(publish.IsCompleted);
        go.SetResult();
        Assert.Equal(200, (int)(await publish.WaitAsync(Patience)).Status);
        await stop.WaitAsync(Patience);
        await Assert.ThrowsAsync<HttpRequestException>(() => served.Send("GET", "/healthz"));
    }

    [Fact]
    public async Task StopInAHurryCutsOff()
    {
        await using var served = await Served.Start();
        var came = new TaskCompletionSource();
        served.Broker.Before = (_, cancel) =>
        {
            came.SetResult();
            return Task.Delay(Timeout.Infinite, cancel);
        };
        var publish = served.Send("POST", "/v1/topics/t/messages", "{}");
        await came.Task.WaitAsync(Patience);
        using var hurry = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await served.Gateway.Stop(hurry.Token).AsTask().WaitAsync(Patience);
        await Assert.ThrowsAsync<HttpRequestException>(() => publish);
    }

    [Fact]
    public async Task RequestsBeyondTheLimitAreRefusedAndHealthIsNot()
    {
        await using var served = await Served.Start(new HttpGatewayOptions { MaxConcurrentRequests = 1 });
        var (came, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        served.Broker.Before = (call, _) =>
        {
            if (call != "DescribeTopic")
                return Task.CompletedTask;
            came.TrySetResult();
            return go.Task;
        };
        var first = served.Send("GET", "/v1/topics/t");
        await came.Task.WaitAsync(Patience);
        var second = await served.Send("DELETE", "/v1/topics/t");
        Assert.Equal((429, "overloaded"), ((int)second.Status, second.ProblemCode()));
        Assert.Equal(200, (int)(await served.Send("GET", "/healthz")).Status);
        go.SetResult();
        Assert.Equal(200, (int)(await first).Status);
        Assert.Empty(served.Broker.Changes);
    }

    [Fact]
    public async Task BytesInFlightBeyondTheLimitAreRefused()
    {
        await using var served = await Served.Start(new HttpGatewayOptions { MaxRequestBytes = 10_000, MaxJsonBytes = 10_000, MaxInFlightBytes = 10_000 });
        var (came, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        served.Broker.Before = (_, _) =>
        {
            came.TrySetResult();
            return go.Task;
        };
        var body = $$"""{"body":"{{new string('x', 6000)}}"}""";
        var first = served.Send("POST", "/v1/topics/t/messages", body);
        await came.Task.WaitAsync(Patience);
        Assert.Equal("overloaded", (await served.Send("POST", "/v1/topics/t/messages", body)).ProblemCode());
        go.SetResult();
        Assert.Equal(200, (int)(await first).Status);
        Assert.Equal(200, (int)(await served.Send("POST", "/v1/topics/t/messages", body)).Status);
    }

    [Fact]
    public async Task PortThatIsTakenIsSaid()
    {
        await using var served = await Served.Start();
        var port = served.Gateway.Uri.Port;
        await Assert.ThrowsAsync<IOException>(async () => await HttpGateway.Start(served.Broker, new HttpGatewayOptions { Port = port }));
    }

    [Fact]
    public void OptionsThatContradictEachOtherNameBoth()
    {
        var wrong = Assert.Throws<ArgumentException>(() => new HttpGatewayOptions { MaxInFlightBytes = 1 }.Validate());
        Assert.Contains("MaxInFlightBytes", wrong.Message, StringComparison.Ordinal);
        Assert.Contains("MaxRequestBytes", wrong.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => HttpBroker.Connect(new Uri("ftp://x")));
        Assert.Throws<ArgumentException>(() => HttpBroker.Connect(new Uri("http://x"), new HttpBrokerOptions { MaxConnections = 0 }));
    }

    /// <summary>Reads a request's head, says its piece, and hangs up.</summary>
    private sealed class RudeServer : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly Task _serving;

        public RudeServer(string answer)
        {
            _listener.Start();
            _serving = Serve(System.Text.Encoding.ASCII.GetBytes(answer));
        }

        public Uri Uri => new($"http://{_listener.LocalEndpoint}");

        public async ValueTask DisposeAsync()
        {
            _listener.Stop();
            await _serving;
        }

        private async Task Serve(byte[] answer)
        {
            var buffer = new byte[65536];
            while (true)
            {
                try
                {
                    using var client = await _listener.AcceptSocketAsync();
                    await client.ReceiveAsync(buffer);
                    await client.SendAsync(answer);
                    client.Shutdown(SocketShutdown.Send);
                    while (await client.ReceiveAsync(buffer) > 0)
                    {
                    }
                }
                catch (Exception e) when (e is SocketException or InvalidOperationException)
                {
                    if (!_listener.Server.IsBound)
                        return;
                }
            }
        }
    }
}
