using System.Text;
using OrleansMq.Records;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>What goes over the wire, as the contract has it.</summary>
public sealed class CallTests : IAsyncLifetime
{
    private Served _served = null!;

    public async Task InitializeAsync() => _served = await Served.Start();

    public async Task DisposeAsync() => await _served.DisposeAsync();

    [Fact]
    public async Task AbsentFieldsAreKeptAndNullRestores()
    {
        _served.Broker.Created = true;
        var answer = await _served.Send("PUT", "/v1/topics/t", """{"partitions":4,"acks":"durable","maxMessages":null,"tokens":{"count":9}}""");
        Assert.Equal(201, (int)answer.Status);
        var change = (TopicChange)_served.Broker.TheChange("PutTopic")[1]!;
        Assert.Equal(
            new TopicChange { Partitions = 4, Acks = Change<Acks?>.To(Acks.Durable), MaxMessages = Change<long?>.Default, TokenCount = 9 }, change);
    }

    [Fact]
    public async Task PutNeedsNoBody()
    {
        Assert.Equal(200, (int)(await _served.Send("PUT", "/v1/topics/t")).Status);
        Assert.Equal(200, (int)(await _served.Send("PUT", "/v1/topics/t/groups/g")).Status);
        Assert.Equal(200, (int)(await _served.Send("POST", "/v1/topics/t/groups/g/receive")).Status);
    }

    [Fact]
    public async Task BodySentAsJsonComesBackAsJson()
    {
        foreach (var type in new[] { "", ",\"contentType\":\"application/vnd.x+json\"", ",\"contentType\":\"text/plain\"" })
            foreach (var body in new[] { """{"a":[1,2.50,"ü"]}""", "\"text\"", "null", "1e400", "[]" })
            {
                await _served.Send("POST", "/v1/topics/t/messages", $$"""{"body": {{body}} {{type}}}""");
                var from = (await _served.Send("GET", "/v1/topics/t/partitions/0/offset?at=latest")).Json.GetProperty("offset").GetInt64() - 1;
                var message = (await _served.Send("GET", $"/v1/topics/t/partitions/0/messages?from={from}")).Json.GetProperty("messages")[0];
                Assert.Equal(body, message.GetProperty("body").GetRawText());
            }
    }

    [Fact]
    public async Task OtherBodiesComeBackInBase64()
    {
        await _served.Send("POST", "/v1/topics/t/messages",
            """[{"bodyBase64":"eyJhIjoxfQ=="},{"bodyBase64":"AAEC","contentType":"application/json"},{"key":"k","tombstone":true},{}]""");
        var messages = (await _served.Send("GET", "/v1/topics/t/partitions/0/messages")).Json.GetProperty("messages");
        Assert.Equal("eyJhIjoxfQ==", messages[0].GetProperty("bodyBase64").GetString());
        Assert.Equal("AAEC", messages[1].GetProperty("bodyBase64").GetString());
        Assert.True(messages[2].GetProperty("tombstone").GetBoolean());
        Assert.Equal("", messages[3].GetProperty("bodyBase64").GetString());
    }

    [Fact]
    public async Task BrowseGoesOnWhereItEnded()
    {
        var body = $"[{string.Join(',', Enumerable.Range(0, 25).Select(i => $$"""{"body":{{i}}}"""))}]";
        await _served.Send("POST", "/v1/topics/t/messages", body);
        var seen = new List<int>();
        long next = 0, end = 1;
        while (next < end)
        {
            var page = (await _served.Send("GET", $"/v1/topics/t/partitions/0/messages?from={next}&max=10")).Json;
            seen.AddRange(page.GetProperty("messages").EnumerateArray().Select(message => message.GetProperty("body").GetInt32()));
            (next, end) = (page.GetProperty("next").GetInt64(), page.GetProperty("end").GetInt64());
        }
        Assert.Equal(Enumerable.Range(0, 25), seen);
        Assert.Equal(25, end);
    }

    [Fact]
    public async Task BrowsedMessageHasTheContractsFields()
    {
        await _served.Send("POST", "/v1/topics/t/messages",
            """{"key":"LAX","body":{"d":7},"headers":{"h":"v"},"token":"t","correlationId":"c","replyTo":"r","ttlMs":90000,"timestamp":"2001-02-03T04:05:06+01:00"}""");
        var answer = await _served.Send("GET", "/v1/topics/t/partitions/0/messages?from=earliest");
        Assert.Equal(
            """
            {"messages":[{"position":{"partition":0,"offset":0},"timestamp":"2001-02-03T03:05:06Z","key":"LAX","body":{"d":7},"contentType":"application/json","headers":{"h":"v"},"token":"t","correlationId":"c","replyTo":"r","ttlMs":90000}],"next":1,"end":1}
            """.Trim(), answer.Text);
    }

    [Fact]
    public async Task ReceivedMessageHasTheContractsFields()
    {
        _served.Broker.Deliveries = [Samples.Delivery];
        var answer = await _served.Send("POST", "/v1/topics/t/groups/g/receive", """{"max":5,"waitMs":100,"leaseMs":1000,"consumer":"c","requestId":"r-1"}""");
        Assert.Equal(
            new ReceiveRequest { Max = 5, Wait = TimeSpan.FromMilliseconds(100), Lease = TimeSpan.FromSeconds(1), Consumer = "c", RequestId = "r-1" },
            _served.Broker.TheChange("Receive")[2]);
        Assert.Equal(
            """
            {"messages":[{"position":{"partition":2,"offset":42},"timestamp":"2026-11-21T08:30:00.123Z","keyBase64":"/wA=","bodyBase64":"cGxhaW4=","contentType":"text/plain","headers":{"twice":["1","2"]},"token":"t","correlationId":"c","replyTo":"r","ttlMs":90000,"deadLetter":{"reason":"max-deliveries","origin":{"partition":2,"offset":7},"deliveries":16,"at":"2026-11-21T08:30:00.123Z"},"lease":"2.0.5.42.3","leaseUntil":"2026-11-21T08:30:30.1230001Z","deliveryCount":3,"sessionState":"BwA=","sessionVersion":5}]}
            """.Trim(), answer.Text);
    }

    [Fact]
    public async Task SettledLeasesAndPositionsAreAnsweredInTheirOrder()
    {
        var leases = new[] { new LeaseId(0, 0, 1, 5, 1), new LeaseId(0, 0, 1, 6, 2) };
        _served.Broker.SettleResults = [new(leases[0], null), new(leases[1], ErrorCodes.LeaseLapsed), new(default, ErrorCodes.LeaseUnknown)];
        var answer = await _served.Send("POST", "/v1/topics/t/groups/g/ack", """{"leases":["0.0.1.5.1","0.0.1.6.2"],"upTo":[{"partition":1,"offset":9}]}""");
        Assert.Equal(
            """{"results":[{"lease":"0.0.1.5.1","ok":true},{"lease":"0.0.1.6.2","ok":false,"code":"lease-lapsed"},{"position":{"partition":1,"offset":9},"ok":false,"code":"lease-unknown"}]}""",
            answer.Text);
    }

    [Fact]
    public async Task BatchesGoInAndOutAsOctets()
    {
        byte[] both = [.. Samples.Batch("a", "b"), .. Samples.RichBatch("t1")];
        var answer = await _served.Send("POST", "/v1/topics/t/partitions/0/batches?acks=accepted&producerId=7&producerEpoch=1&sequence=2147483647", both, "application/octet-stream");
        Assert.Equal(3, answer.Json.GetProperty("results").GetArrayLength());
        Assert.Equal(2, answer.Json.GetProperty("results")[2].GetProperty("position").GetProperty("offset").GetInt64());

        var requests = _served.Broker.Changes.Select(change => (AppendRequest)change.Arguments[0]!).ToList();
        Assert.Equal([false, true], requests.Select(request => request.Rich));
        Assert.Equal(Acks.Accepted, requests[0].Acks);
        // The second batch's place follows from the first one's count, modulo 2^31.
        Assert.Equal([new ProducerSequence(7, 1, int.MaxValue), new ProducerSequence(7, 1, 1)], requests.Select(request => request.Producer!.Value));

        var read = await _served.Send("GET", "/v1/topics/t/partitions/0/batches?from=0");
        Assert.Equal("application/octet-stream", read.Type);
        Assert.Equal("0 3 3 3", $"{read.Header("mq-start")} {read.Header("mq-end")} {read.Header("mq-stable")} {read.Header("mq-next")}");
        Assert.Equal(both.Length, read.Body.Length);
        var second = await _served.Send("GET", "/v1/topics/t/partitions/0/batches?from=2&waitMs=10&minBytes=1&maxBytes=1000");
        Assert.Equal(2, RecordBatch.ReadExactly(second.Body).BaseOffset);
    }

    [Fact]
    public async Task ValueThatHoldsTheReservedPrefixIsStillPlain()
    {
        await _served.Send("POST", "/v1/topics/t/partitions/0/batches", Samples.Batch("mq-token"), "application/octet-stream");
        Assert.False(((AppendRequest)_served.Broker.TheChange("Append")[0]!).Rich);
    }

    [Fact]
    public async Task BatchesBehindARefusedOneAreNotTried()
    {
        var calls = 0;
        _served.Broker.Before = (_, _) => ++calls == 2 ? throw new MqException(ErrorCodes.RateLimited, "Slow down.", TimeSpan.FromSeconds(1)) : Task.CompletedTask;
        byte[] three = [.. Samples.Batch("a"), .. Samples.Batch("b", "c"), .. Samples.Batch("d")];
        var answer = await _served.Send("POST", "/v1/topics/t/partitions/0/batches", three, "application/octet-stream");
        Assert.Equal(200, (int)answer.Status);
        var results = answer.Json.GetProperty("results").EnumerateArray().Select(result => result.TryGetProperty("error", out var error) ? error.GetProperty("code").GetString() : "ok");
        Assert.Equal(["ok", "rate-limited", "rate-limited", "rate-limited"], results);
        Assert.Equal(2, calls);
    }

    [Fact]
    public async Task TimeInAnAddressMayHaveAnUnescapedPlus()
    {
        await _served.Send("GET", "/v1/topics/t/partitions/0/messages?from=2001-01-31T23:59:59.5+02:00");
        var at = (StartAt)_served.Broker.Looks.First().Arguments[2]!;
        Assert.Equal(StartAt.Time(new DateTimeOffset(2001, 1, 31, 23, 59, 59, 500, TimeSpan.FromHours(2))), at);
    }

    [Fact]
    public async Task ListsArePaged()
    {
        var answer = await _served.Send("GET", "/v1/topics?prefix=a&after=x&max=7");
        Assert.Equal("""{"topics":["a","b"],"next":"b"}""", answer.Text);
        Assert.Equal(["a", "x", 7], _served.Broker.Looks.Single().Arguments);
        Assert.Equal("""{"groups":["g"],"next":null}""", (await _served.Send("GET", "/v1/topics/t/groups")).Text);
    }

    [Fact]
    public async Task HealthAsksNobody()
    {
        _served.Broker.Before = (_, _) => throw new InvalidOperationException();
        Assert.Equal(200, (int)(await _served.Send("GET", "/healthz")).Status);
        Assert.Empty(_served.Broker.Looks);
        Assert.Equal(500, (int)(await _served.Send("GET", "/readyz")).Status);
    }

    [Fact]
    public async Task MetricsCountCallsByStatus()
    {
        await _served.Send("POST", "/v1/topics/t/messages", "[{},{}]");
        await _served.Send("POST", "/v1/topics/t/messages", "oops");
        var text = Encoding.UTF8.GetString((await _served.Send("GET", "/metrics")).Body);
        Assert.Contains("orleansmq_http_requests_total{call=\"publish\",status=\"200\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("orleansmq_http_requests_total{call=\"publish\",status=\"400\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("orleansmq_http_messages_total{call=\"publish\"} 2\n", text, StringComparison.Ordinal);
        Assert.Contains("orleansmq_http_request_duration_seconds_bucket{call=\"publish\",le=\"+Inf\"} 2\n", text, StringComparison.Ordinal);
    }
}
