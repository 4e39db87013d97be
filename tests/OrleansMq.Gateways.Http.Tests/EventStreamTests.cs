using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using OrleansMq.Conformance.Broker;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>Messages pushed as server-sent events, read by a plain HTTP client.</summary>
public sealed class EventStreamTests : IAsyncLifetime
{
    private const string Group = "/v1/topics/orders/groups/g";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Comments come soon, so that a test sees that nothing else came.
    private static readonly HttpGatewayOptions Soon = new() { EventKeepAlive = TimeSpan.FromMilliseconds(100) };

    // Does not end a stream because it is not read.
    private static readonly HttpGatewayOptions Patient = new() { EventStallTimeout = TimeSpan.FromHours(1) };

    // Of 4 MB each, one that is being sent and what the sockets' buffers take.
    private const int InBuffers = 8;

    private EmbeddedBroker _broker = null!;
    private HttpGateway _gateway = null!;
    private HttpClient _client = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("orders", new() { MaxMessageBytes = 4 << 20, MaxBatchBytes = 4 << 20 });
        await _broker.PutGroup("orders", "g", new() { Backoff = (TimeSpan[])[TimeSpan.FromMilliseconds(1)], MaxDeliveries = 100 });
        await Serve(Soon);
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        await _gateway.DisposeAsync();
        await _broker.DisposeAsync();
    }

    [Fact]
    public async Task AnEventIsAMessageAsReceiveGivesItUnderItsLease()
    {
        await Post("/v1/topics/orders/messages", """{"key":"ada","body":"hello","headers":{"a":"b"},"token":"t-1"}""");
        var received = JsonDocument.Parse(await Post(Group + "/receive", "{}")).RootElement.GetProperty("messages")[0];
        await Post(Group + "/nack", $$"""{"leases":["{{received.GetProperty("lease").GetString()}}"],"delayMs":0}""");

        using var events = await Open();
        Assert.Equal("no-store", events.Response.Headers.CacheControl?.ToString());
        var pushed = await events.Next();
        Assert.Equal(("message", pushed.Json.GetProperty("lease").GetString()), (pushed.Type, pushed.Id));
        Assert.Equal(2, pushed.Json.GetProperty("deliveryCount").GetInt32());
        Assert.Equal(received.EnumerateObject().Select(field => field.Name), pushed.Json.EnumerateObject().Select(field => field.Name));
        foreach (var field in (string[])["key", "body", "headers", "token", "position", "timestamp"])
            Assert.Equal(received.GetProperty(field).ToString(), pushed.Json.GetProperty(field).ToString());
    }

    [Theory]
    [InlineData("ack", """{"leases":["LEASE"]}""")]
    [InlineData("ack", """{"upTo":[{"partition":0,"offset":0}]}""")]
    [InlineData("nack", """{"leases":["LEASE"],"delayMs":60000}""")]
    [InlineData("deadletter", """{"leases":["LEASE"],"reason":"no"}""")]
    public async Task NoMoreIsUnsettledThanTheCreditAndSettlingGivesItBack(string call, string body)
    {
        await Publish(3);
        using var events = await Open("?credit=1&leaseMs=600000"); // longer than anybody waits here
        var first = await events.Next();
        await events.Quiet();
        await events.Quiet(); // by now the stream has waited for credit once, and got none
        Assert.Equal(1, await InFlight());

        await Post($"{Group}/{call}", body.Replace("LEASE", first.Id, StringComparison.Ordinal));
        Assert.Equal("1", (await events.Next()).Body);
        await events.Quiet();
    }

    [Fact]
    public async Task ALeaseThatLapsesGivesItsCreditBack()
    {
        await Publish(2);
        using var events = await Open("?credit=1&leaseMs=100");
        var bodies = new HashSet<string>();
        while (bodies.Count < 2)
            bodies.Add((await events.Next()).Body);
    }

    [Fact]
    public async Task WhatIsExtendedKeepsItsCreditForLonger()
    {
        await Publish(2);
        using var events = await Open("?credit=1&leaseMs=2000");
        var first = await events.Next();
        Assert.Contains("true", await Post(Group + "/extend", $$"""{"leases":["{{first.Id}}"],"leaseMs":600000}"""), StringComparison.Ordinal);
        // More keep-alives than fit in the first lease.
        for (var i = 0; i < 25; i++)
            await events.Quiet();
        await Post(Group + "/ack", $$"""{"leases":["{{first.Id}}"]}""");
        Assert.Equal("1", (await events.Next()).Body);
    }

    [Fact]
    public async Task WhatComesWhileTheStreamWaitsIsPushed()
    {
        using var events = await Open();
        await events.Quiet();
        for (var i = 0; i < 20; i++)
        {
            await _broker.Publish("orders", [Message.OfJson($"\"{i}\"")]);
            var pushed = await events.Next();
            Assert.Equal($"{i}", pushed.Body);
            await Post(Group + "/ack", $$"""{"leases":["{{pushed.Id}}"]}""");
        }
    }

    [Fact]
    public async Task ABodyWithLineBreaksComesWhole()
    {
        await _broker.Publish("orders", [Message.OfJson("{\"a\":1,\r\n\"b\":[\n2,\r3]}")]);
        using var events = await Open();
        var pushed = (await events.Next()).Json.GetProperty("body");
        Assert.Equal((1, 3), (pushed.GetProperty("a").GetInt32(), pushed.GetProperty("b")[1].GetInt32()));
    }

    [Theory]
    [InlineData("orders", "?credit=0", 400, "malformed")]
    [InlineData("orders", "?credit=1001", 400, "malformed")]
    [InlineData("orders", "?credit=x", 400, "malformed")]
    [InlineData("orders", "?leaseMs=0", 400, "malformed")]
    [InlineData("orders", "?leaseMs=99", 400, "malformed")]
    [InlineData("orders", "?leaseMs=43200001", 400, "malformed")]
    [InlineData("orders", "?lease=1000", 400, "malformed")]
    [InlineData("nowhere", "", 404, "topic-unknown")]
    [InlineData("orders.of-a-log", "", 409, "conflict")]
    public async Task WhatIsRefusedIsAProblemDocumentAndNoStream(string topic, string query, int status, string code)
    {
        await _broker.PutTopic("orders.of-a-log", new());
        await _broker.PutGroup("orders.of-a-log", "g", new() { Style = GroupStyle.Log });
        using var answer = await _client.GetAsync($"/v1/topics/{topic}/groups/g/events{query}");
        Assert.Equal((status, "application/problem+json"), ((int)answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        Assert.Contains($"\"{code}\"", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheIdThatABrowserComesBackWithSaysNothing()
    {
        await Publish(1);
        _client.DefaultRequestHeaders.Add("Last-Event-ID", "0.0.1.99.1");
        using var events = await Open();
        Assert.Equal("0", (await events.Next()).Body);
    }

    /// <summary>An image or a script of a foreign page: browsers send no origin with those.</summary>
    [Theory]
    [InlineData("cross-site", true)]
    [InlineData("same-site", true)]
    [InlineData("", true)]
    [InlineData("same-origin", false)]
    [InlineData("none", false)]
    public async Task AForeignPageGetsNoStreamAndLeasesNothing(string site, bool isForeign)
    {
        await Publish(1);
        _client.DefaultRequestHeaders.TryAddWithoutValidation("Sec-Fetch-Site", site);
        using var answer = await _client.GetAsync(Group + "/events", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(isForeign ? HttpStatusCode.Forbidden : HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(isForeign ? 0 : 1, await InFlight());
        using var list = await _client.GetAsync("/v1/topics");
        Assert.Equal(HttpStatusCode.OK, list.StatusCode); // changes nothing
    }

    [Fact]
    public async Task APagesOwnOriginIsEnough()
    {
        _client.DefaultRequestHeaders.Add("Origin", _gateway.Uri.GetLeftPart(UriPartial.Authority));
        _client.DefaultRequestHeaders.Add("Sec-Fetch-Site", "cross-site"); // a proxy in between may have another name
        using var events = await Open();
    }

    /// <summary>The stream is held up between receiving and sending for longer than the lease, which is the call's or the group's.</summary>
    [Theory]
    [InlineData("?leaseMs=500")]
    [InlineData("")]
    public async Task WhatHasLapsedBeforeItIsSentIsNotSent(string query)
    {
        await _broker.PutGroup("orders", "g", new() { Lease = TimeSpan.FromMilliseconds(500), Backoff = (TimeSpan[])[TimeSpan.FromMilliseconds(1)], MaxDeliveries = 100 });
        await Publish(1);
        await Serve(Soon, BrokerProxy.Of((method, arguments) => method.Name switch
        {
            nameof(IAsyncDisposable.DisposeAsync) => ValueTask.CompletedTask,
            nameof(IBroker.DescribeGroup) => new ValueTask<GroupDescription>(DescribeLate()),
            _ => BrokerProxy.On(_broker, method, arguments),
        }));
        using var events = await Open(query);
        Assert.InRange((await events.Next()).Json.GetProperty("deliveryCount").GetInt32(), 2, 100);

        async Task<GroupDescription> DescribeLate()
        {
            await Task.Delay(TimeSpan.FromMilliseconds(700));
            return await _broker.DescribeGroup("orders", "g");
        }
    }

    /// <summary>The broker leases, and the client is gone before the answer comes.</summary>
    [Fact]
    public async Task WhatAnAnswerCarriedThatNobodyGotIsGivenBack()
    {
        var (asked, leased) = (new ConcurrentQueue<string?>(), new TaskCompletionSource());
        await Serve(Soon, BrokerProxy.Of((method, arguments) =>
        {
            if (method.Name == nameof(IBroker.Receive))
                asked.Enqueue(((ReceiveRequest)arguments[2]!).RequestId);
            if (method.Name != nameof(IBroker.Receive) || asked.Count != 2)
                return method.Name == nameof(IAsyncDisposable.DisposeAsync) ? ValueTask.CompletedTask : BrokerProxy.On(_broker, method, arguments);
            return new ValueTask<IReadOnlyList<Delivery>>(LeaseAndSayNothing((ReceiveRequest)arguments[2]!, (CancellationToken)arguments[3]!));
        }));
        using (await Open("?leaseMs=600000"))
        {
            await Publish(1);
            await leased.Task.WaitAsync(Patience);
            Assert.Equal(1, await InFlight());
        }

        using var patience = new CancellationTokenSource(Patience);
        while (await InFlight() > 0)
            await Task.Delay(TimeSpan.FromMilliseconds(10), patience.Token);
        Assert.Equal(3, asked.Count);
        Assert.Equal(asked.ElementAt(1), asked.ElementAt(2));
        Assert.NotEqual(asked.ElementAt(0), asked.ElementAt(1));

        async Task<IReadOnlyList<Delivery>> LeaseAndSayNothing(ReceiveRequest request, CancellationToken cancel)
        {
            Assert.Single(await _broker.Receive("orders", "g", request with { Wait = Patience }, CancellationToken.None));
            leased.SetResult();
            await Task.Delay(Timeout.Infinite, cancel);
            throw new OperationCanceledException(cancel);
        }
    }

    [Fact]
    public async Task ThereIsNoHeadOfAStream()
    {
        await Publish(1);
        using var head = await _client.SendAsync(new HttpRequestMessage(HttpMethod.Head, Group + "/events"));
        Assert.Equal((HttpStatusCode.MethodNotAllowed, "GET"), (head.StatusCode, string.Join(", ", head.Content.Headers.Allow)));
        Assert.Equal(0, await InFlight());
    }

    [Fact]
    public async Task AFurtherStreamIsRefusedUntilOneEnds()
    {
        await Serve(new HttpGatewayOptions { MaxEventStreams = 1, EventKeepAlive = TimeSpan.FromMilliseconds(20) });
        using (var events = await Open())
        {
            await events.Quiet();
            using var refused = await _client.GetAsync(Group + "/events");
            Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        }

        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            using var answer = await _client.GetAsync(Group + "/events", HttpCompletionOption.ResponseHeadersRead, patience.Token);
            if (answer.IsSuccessStatusCode)
                break;
            await Task.Delay(TimeSpan.FromMilliseconds(10), patience.Token);
        }
    }

    [Fact]
    public async Task AStreamEndsInOrderAfterItsAge()
    {
        await Serve(new HttpGatewayOptions { MaxEventStreamAge = TimeSpan.FromMilliseconds(300) });
        using var events = await Open();
        await events.End();
        using var next = await Open();
    }

    [Fact]
    public async Task StoppingTheGatewayEndsStreamsInOrder()
    {
        await Publish(1);
        using var events = await Open();
        await events.Next();
        await _gateway.Stop(new CancellationTokenSource(Patience).Token);
        await events.End();
        Assert.Equal(1, await InFlight()); // what was sent is the client's until its lease is over
    }

    [Fact]
    public async Task WhatEndsTheGroupIsSaidAsAnEventAndEndsTheStream()
    {
        using var events = await Open();
        await events.Quiet();
        await _broker.DeleteTopic("orders");
        var problem = await events.Next();
        Assert.Equal(("problem", "topic-unknown"), (problem.Type, problem.Json.GetProperty("code").GetString()));
        await events.End();
    }

    /// <summary>What is not read waits in the log and under no lease, and a client that takes nothing is cut off.</summary>
    [Fact]
    public async Task WhoDoesNotReadHoldsLittleAndIsCutOff()
    {
        await PublishLarge();
        await Serve(Patient with { EventStallTimeout = TimeSpan.FromMilliseconds(500) });
        using var reader = await OpenAndNeverRead();
        using var patience = new CancellationTokenSource(Patience);
        while (!await IsOver(patience.Token))
            Assert.InRange(await InFlight(), 0, InBuffers);
        Assert.InRange(await InFlight(), 0, InBuffers - 1); // the one that was being sent is given back
    }

    /// <summary>Neither its age nor a stop waits for a client that takes nothing: the event that is being sent is cut off and given back.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AStreamThatIsNotReadEndsAsOthersDo(bool byItsAge)
    {
        await PublishLarge();
        var givenBack = 0;
        var broker = BrokerProxy.Over(_broker, (call, arguments) =>
        {
            if (call == nameof(IBroker.Settle) && arguments[2] is Settlement { Kind: SettlementKind.Refuse } refused)
                Interlocked.Add(ref givenBack, refused.Leases.Count);
        });
        await Serve(byItsAge ? Patient with { MaxEventStreamAge = TimeSpan.FromSeconds(1) } : Patient, broker);
        using var reader = await OpenAndNeverRead();
        using var patience = new CancellationTokenSource(Patience);
        if (byItsAge)
        {
            while (!await IsOver(patience.Token))
                continue;
        }
        else
        {
            // It is stuck when it has received no more for a while.
            for (int before = -1, now = 0; now == 0 || now != before; await Task.Delay(TimeSpan.FromMilliseconds(500), patience.Token))
                (before, now) = (now, await InFlight());
            await _gateway.Stop(patience.Token);
        }

        Assert.False(patience.IsCancellationRequested);
        Assert.Equal(1, givenBack);
    }

    [Theory]
    [InlineData("MaxEventStreams")]
    [InlineData("MaxEventCredit")]
    [InlineData("EventBytesAtOnce")]
    [InlineData("EventKeepAlive")]
    [InlineData("EventStallTimeout")]
    [InlineData("MaxEventStreamAge")]
    public void ALimitThatCanNotHoldIsNamed(string name)
    {
        var standard = new HttpGatewayOptions();
        var options = name switch
        {
            "MaxEventStreams" => standard with { MaxEventStreams = 0 },
            "MaxEventCredit" => standard with { MaxEventCredit = 10_001 },
            "EventBytesAtOnce" => standard with { EventBytesAtOnce = 0 },
            "EventKeepAlive" => standard with { EventKeepAlive = TimeSpan.FromMinutes(2) },
            "EventStallTimeout" => standard with { EventStallTimeout = TimeSpan.Zero },
            _ => standard with { MaxEventStreamAge = TimeSpan.Zero },
        };
        Assert.Contains(name, Assert.Throws<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);
    }

    private async Task Serve(HttpGatewayOptions options, IBroker? broker = null)
    {
        if (_gateway is not null)
        {
            _client.Dispose();
            await _gateway.DisposeAsync();
        }

        _gateway = await HttpGateway.Start(broker ?? _broker, options with { Port = 0 });
        _client = new HttpClient { BaseAddress = _gateway.Uri };
    }

    private async Task PublishLarge()
    {
        for (var i = 0; i < 20; i++)
            await _broker.Publish("orders", [new Message { Body = new byte[3 << 20] }]);
    }

    private async Task<Socket> OpenAndNeverRead()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 64 << 10 };
        await socket.ConnectAsync(_gateway.Uri.Host, _gateway.Uri.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"GET {Group}/events?credit=20 HTTP/1.1\r\nHost: x\r\n\r\n"));
        return socket;
    }

    private async Task<bool> IsOver(CancellationToken cancel)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(20), cancel);
        return (await _client.GetStringAsync("/metrics", cancel)).Contains("call=\"events\"", StringComparison.Ordinal);
    }

    private Task<EventReader> Open(string query = "") => EventReader.Open(_client, $"{Group}/events{query}");

    private async Task Publish(int count) => await _broker.Publish("orders", [.. Enumerable.Range(0, count).Select(i => Message.OfJson($"\"{i}\""))]);

    private async Task<string> Post(string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await _client.PostAsync(path, content);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        return await answer.Content.ReadAsStringAsync();
    }

    private async Task<int> InFlight() => (await _broker.DescribeGroup("orders", "g")).Partitions.Sum(partition => partition.InFlight);
}
