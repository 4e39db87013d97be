using System.Text;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>Whatever is wrong with a request is a problem document with a code, and the broker never hears of it.</summary>
public sealed class MalformedRequestTests : IAsyncLifetime
{
    private const string Topic = "/v1/topics/t";
    private const string Group = Topic + "/groups/g";
    private const string Partition = Topic + "/partitions/0";

    private Served _served = null!;

    public async Task InitializeAsync() => _served = await Served.Start(new HttpGatewayOptions { MaxRequestBytes = 8192, MaxJsonBytes = 4096 });

    public async Task DisposeAsync() => await _served.DisposeAsync();

    public static TheoryData<string, string, string> MalformedBodies()
    {
        var data = new TheoryData<string, string, string>();
        foreach (var (method, path, good) in Bodies.All)
        {
            foreach (var bad in new[] { "{", "[1", "nul", "{}{}", "{} x", "\"text\"", "17", "true", "{\"a\":}", "{\"nobodysField\":1}", "\ufeff{", new string('[', 70) + new string(']', 70) })
                data.Add(method, path, bad);
            if (good.Length > 2)
            {
                data.Add(method, path, good[..^1]);
                data.Add(method, path, good + good);
                data.Add(method, path, good[..^1] + ",\"nobodysField\":null}");
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(MalformedBodies))]
    public async Task BodyThatIsNotWhatTheCallTakes(string method, string path, string body)
    {
        var answer = await _served.Send(method, path, body);
        Assert.Equal((400, "malformed"), ((int)answer.Status, answer.ProblemCode()));
        Assert.Empty(_served.Broker.Changes);
    }

    [Theory]
    [InlineData("PUT", Topic, """{"partitions":0}""", "$.partitions")]
    [InlineData("PUT", Topic, """{"partitions":10001}""", "$.partitions")]
    [InlineData("PUT", Topic, """{"partitions":1.5}""", "$.partitions")]
    [InlineData("PUT", Topic, """{"partitions":"8"}""", "$.partitions")]
    [InlineData("PUT", Topic, """{"partitions":1e99}""", "$.partitions")]
    [InlineData("PUT", Topic, """{"partitions":1,"partitions":2}""", "$.partitions")]
    [InlineData("PUT", Group, """{"maxDeliveries":0}""", "$.maxDeliveries is below 1.")]
    [InlineData("PUT", Group, """{"maxDeliveries":1e99}""", "$.maxDeliveries is not a whole number from 1 to 2147483647.")]
    [InlineData("PUT", Topic, """{"acks":"sometimes"}""", "$.acks")]
    [InlineData("PUT", Topic, """{"acks":2}""", "$.acks")]
    [InlineData("PUT", Topic, """{"whenFull":"explode"}""", "$.whenFull")]
    [InlineData("PUT", Topic, """{"retentionMs":-1}""", "$.retentionMs")]
    [InlineData("PUT", Topic, """{"retentionMs":99999999999999999999}""", "$.retentionMs")]
    [InlineData("PUT", Topic, """{"ratePerSecond":0}""", "$.ratePerSecond")]
    [InlineData("PUT", Topic, """{"ratePerSecond":1e999}""", "$.ratePerSecond")]
    [InlineData("PUT", Topic, """{"tokens":{"count":-1}}""", "$.tokens.count")]
    [InlineData("PUT", Topic, """{"tokens":{"ageMs":604800001}}""", "$.tokens.ageMs")]
    [InlineData("PUT", Topic, """{"tokens":{"age":1}}""", "$.tokens.age")]
    [InlineData("PUT", Topic, """{"tokens":7}""", "$.tokens")]
    [InlineData("PUT", Topic, """{"compact":"no"}""", "$.compact")]
    [InlineData("PUT", Topic, "null", "$")]
    [InlineData("PUT", Topic, "[]", "$")]
    [InlineData("PUT", Group, """{"style":"stack"}""", "$.style")]
    [InlineData("PUT", Group, """{"from":"yesterday"}""", "$.from")]
    [InlineData("PUT", Group, """{"from":"2001-01-31T23:59:59"}""", "$.from")]
    [InlineData("PUT", Group, """{"backoffMs":[1,-1]}""", "$.backoffMs[1]")]
    [InlineData("PUT", Group, """{"backoffMs":7}""", "$.backoffMs")]
    [InlineData("PUT", Group, """{"leaseMs":0}""", "$.leaseMs")]
    [InlineData("PUT", Group, """{"priority":3}""", "$.priority")]
    [InlineData("PUT", Group, """{"filter":5}""", "$.filter")]
    [InlineData("PUT", Group, """{"filter":{}}""", "$.filter: a filter names a header")]
    [InlineData("PUT", Group, """{"filter":{"total":5}}""", "$.filter.total")]
    [InlineData("PUT", Group, """{"fairBy":true}""", "$.fairBy")]
    [InlineData("PUT", Group, """{"fairBy":"tenant"}""", "$.fairBy: fairBy is key or header:NAME")]
    [InlineData("PUT", Group, """{"fairBy":"header:"}""", "$.fairBy: fairBy names a header")]
    [InlineData("PUT", Group, """{"fairBy":"header:mq-token"}""", "$.fairBy: fairBy names a header of the application's")]
    [InlineData("POST", Topic + "/messages", """{"key":"a","keyBase64":"YQ=="}""", "$ has both")]
    [InlineData("POST", Topic + "/messages", """{"body":1,"bodyBase64":"YQ=="}""", "$ has both")]
    [InlineData("POST", Topic + "/messages", """[{},{"bodyBase64":"Y"}]""", "$[1].bodyBase64")]
    [InlineData("POST", Topic + "/messages", """{"keyBase64":"***"}""", "$.keyBase64")]
    [InlineData("POST", Topic + "/messages", """{"headers":{"a":1}}""", "$.headers.a")]
    [InlineData("POST", Topic + "/messages", """{"headers":{"a":"1","a":"2"}}""", "$.headers.a")]
    [InlineData("POST", Topic + "/messages", """{"headers":{"mq-token":"x"}}""", "$.headers.mq-token")]
    [InlineData("POST", Topic + "/messages", """{"headers":["a"]}""", "$.headers")]
    [InlineData("POST", Topic + "/messages", """{"token":""}""", "$: A token")]
    [InlineData("POST", Topic + "/messages", """{"token":"\ud800"}""", "$.token")]
    [InlineData("POST", Topic + "/messages", """{"\ud800":1}""", "$ has a field")]
    [InlineData("POST", Topic + "/messages", """{"tombstone":true,"key":"k","body":1}""", "$: A tombstone")]
    [InlineData("POST", Topic + "/messages", """{"tombstone":true}""", "$: A tombstone")]
    [InlineData("POST", Topic + "/messages", """{"partition":-1}""", "$.partition")]
    [InlineData("POST", Topic + "/messages", """{"priority":10}""", "$.priority")]
    [InlineData("POST", Topic + "/messages", """{"deliverAt":"2030-01-01T00:00:00Z","deliverAfterMs":1}""", "$ has both")]
    [InlineData("POST", Topic + "/messages", """{"deliverAt":"soon"}""", "$.deliverAt")]
    [InlineData("POST", Topic + "/messages", """{"timestamp":"1969-01-01T00:00:00Z"}""", "$: A timestamp")]
    [InlineData("POST", Topic + "/messages", """[[]]""", "$[0]")]
    [InlineData("POST", Topic + "/messages", """[null]""", "$[0]")]
    [InlineData("POST", Group + "/receive", """{"max":0}""", "$.max")]
    [InlineData("POST", Group + "/receive", """{"max":10001}""", "$.max")]
    [InlineData("POST", Group + "/receive", """{"waitMs":60001}""", "$.waitMs")]
    [InlineData("POST", Group + "/receive", """{"leaseMs":-5}""", "$.leaseMs")]
    [InlineData("POST", Group + "/receive", """{"consumer":7}""", "$.consumer")]
    [InlineData("POST", Group + "/ack", """{}""", "$ lacks")]
    [InlineData("POST", Group + "/ack", """{"leases":["nonsense"]}""", "$.leases[0]")]
    [InlineData("POST", Group + "/ack", """{"leases":[],"delayMs":1}""", "$.delayMs")]
    [InlineData("POST", Group + "/ack", """{"upTo":[{"partition":0}]}""", "$.upTo[0] lacks")]
    [InlineData("POST", Group + "/ack", """{"upTo":[{"partition":0,"offset":-1}]}""", "$.upTo[0].offset")]
    [InlineData("POST", Group + "/nack", """{"leases":[],"delayMs":-1}""", "$.delayMs")]
    [InlineData("POST", Group + "/nack", """{"leases":[],"upTo":[]}""", "$.upTo")]
    [InlineData("POST", Group + "/extend", """{"leases":[],"leaseMs":0}""", "$.leaseMs")]
    [InlineData("POST", Group + "/deadletter", """{"leases":[],"reason":5}""", "$.reason")]
    [InlineData("POST", Group + "/join", """{}""", "$ lacks")]
    [InlineData("POST", Group + "/join", """{"member":""}""", "$.member")]
    [InlineData("POST", Group + "/join", """{"member":"m","sessionTimeoutMs":0}""", "$.sessionTimeoutMs")]
    [InlineData("POST", Group + "/heartbeat", """{"member":"m"}""", "$ lacks")]
    [InlineData("POST", Group + "/commit", """{"positions":[],"member":"m"}""", "$ lacks")]
    [InlineData("POST", Group + "/commit", """{"positions":[],"generation":1}""", "$ lacks")]
    [InlineData("POST", Group + "/commit", """{}""", "$ lacks")]
    [InlineData("POST", Group + "/seek", """{}""", "$ should have one")]
    [InlineData("POST", Group + "/seek", """{"to":"earliest","positions":[]}""", "$ should have one")]
    [InlineData("POST", Group + "/seek", """{"to":"42"}""", "$.to")]
    [InlineData("POST", Group + "/redeliver", """{"causes":["lost"]}""", "$.causes[0]")]
    [InlineData("POST", Group + "/redeliver", """{"olderThanMs":-1}""", "$.olderThanMs")]
    [InlineData("POST", Group + "/session", """{"key":"k"}""", "$ lacks the field 'state'")]
    [InlineData("POST", Group + "/session", """{"key":"k","keyBase64":"aw==","state":""}""", "$ should have one of 'key' and 'keyBase64'")]
    [InlineData("POST", Group + "/session", """{"key":"k","state":"?"}""", "$.state")]
    [InlineData("POST", Group + "/ack", """{"leases":[],"sessions":[{"state":"AQI="}]}""", "$.sessions[0] lacks the field 'lease'")]
    [InlineData("POST", Group + "/nack", """{"leases":[],"sessions":[]}""", "$.sessions")]
    [InlineData("POST", Group + "/dlq/redrive", """{}""", "$ should have one")]
    [InlineData("POST", Group + "/dlq/redrive", """{"all":true,"positions":[]}""", "$ should have one")]
    [InlineData("POST", Group + "/dlq/redrive", """{"all":true,"replace":{"bodie":1}}""", "$.replace.bodie")]
    [InlineData("POST", Group + "/dlq/discard", """{"all":false}""", "$ should have one")]
    [InlineData("POST", Group + "/dlq/discard", """{"all":true,"replace":{}}""", "$.replace")]
    [InlineData("POST", "/v1/producers", """{"name":""}""", "$ has an empty name")]
    [InlineData("POST", "/v1/read", """{"partitions":[{"topic":"t","partition":0,"offset":0}],"filter":[]}""", "$.filter")]
    [InlineData("POST", "/v1/read", """{"partitions":[]}""", "$ lacks")]
    [InlineData("POST", "/v1/read", """{"partitions":[{"topic":"t","partition":0}]}""", "$.partitions[0] lacks")]
    [InlineData("POST", "/v1/read", """{"partitions":[{"topic":"t","partition":0,"offset":0}],"isolation":"some"}""", "$.isolation")]
    public async Task FieldThatCannotBeNamesItsPlace(string method, string path, string body, string place)
    {
        var answer = await _served.Send(method, path, body);
        Assert.Equal("malformed", answer.ProblemCode());
        Assert.StartsWith(place, answer.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Empty(_served.Broker.Changes);
        Assert.Empty(_served.Broker.Looks);
    }

    [Theory]
    [InlineData("GET", "/v1/topics?max=0")]
    [InlineData("GET", "/v1/topics?max=1001")]
    [InlineData("GET", "/v1/topics?max=")]
    [InlineData("GET", "/v1/topics?max=ten")]
    [InlineData("GET", "/v1/topics?max=1&max=2")]
    [InlineData("GET", "/v1/topics?Max=1")]
    [InlineData("GET", "/v1/topics?prefx=a")]
    [InlineData("GET", "/healthz?x=1")]
    [InlineData("GET", "/v1/topics/t?x")]
    [InlineData("GET", "/v1/topics/a%20b")]
    [InlineData("GET", "/v1/topics/%C3%A4")]
    [InlineData("GET", "/v1/topics/a%2Fb")]
    [InlineData("DELETE", "/v1/topics/" + "$")]
    [InlineData("PUT", Topic + "/groups/g%0A")]
    [InlineData("GET", Topic + "/partitions/-1/messages")]
    [InlineData("GET", Topic + "/partitions/x/messages")]
    [InlineData("GET", Topic + "/partitions/99999999999/messages")]
    [InlineData("GET", Partition + "/messages?from=yesterday")]
    [InlineData("GET", Partition + "/messages?from=-1")]
    [InlineData("GET", Partition + "/messages?max=10001")]
    [InlineData("GET", Partition + "/offset")]
    [InlineData("GET", Partition + "/offset?at=")]
    [InlineData("DELETE", Partition + "/messages")]
    [InlineData("DELETE", Partition + "/messages?before=-1")]
    [InlineData("DELETE", Partition + "/messages?before=9223372036854775808")]
    [InlineData("GET", Partition + "/batches?from=0&waitMs=60001")]
    [InlineData("GET", Partition + "/batches?from=0&maxBytes=-1")]
    [InlineData("GET", Partition + "/batches?from=0&isolation=none")]
    public async Task AddressThatCannotBe(string method, string path)
    {
        var answer = await _served.Send(method, path);
        Assert.Equal((400, "malformed"), ((int)answer.Status, answer.ProblemCode()));
        Assert.Empty(_served.Broker.Changes);
        Assert.Empty(_served.Broker.Looks);
    }

    [Theory]
    [InlineData("?acks=all")]
    [InlineData("?acks=")]
    [InlineData("?waitMs=-1")]
    [InlineData("?sequence=1")]
    public async Task PublishParameterThatCannotBe(string query)
    {
        Assert.Equal("malformed", (await _served.Send("POST", Topic + "/messages" + query, "{}")).ProblemCode());
        Assert.Empty(_served.Broker.Changes);
    }

    [Theory]
    [InlineData("?producerId=1")]
    [InlineData("?producerId=1&producerEpoch=1")]
    [InlineData("?producerId=1&producerEpoch=32768&sequence=1")]
    [InlineData("?producerId=-1&producerEpoch=0&sequence=1")]
    [InlineData("?producerId=1&producerEpoch=0&sequence=2147483648")]
    [InlineData("?brief=yes")]
    public async Task BatchParameterThatCannotBe(string query)
    {
        var answer = await _served.Send("POST", Partition + "/batches" + query, Samples.Batch("a"), "application/octet-stream");
        Assert.Equal("malformed", answer.ProblemCode());
        Assert.Empty(_served.Broker.Changes);
    }

    [Fact]
    public async Task DamagedBatchIsRefusedBeforeTheWholeOneBeforeIt()
    {
        var good = Samples.Batch("a");
        foreach (var (octets, code) in Damaged(good))
        {
            var answer = await _served.Send("POST", Partition + "/batches", [.. good, .. octets], "application/octet-stream");
            Assert.Equal(code, answer.ProblemCode());
        }
        Assert.Equal("malformed", (await _served.Send("POST", Partition + "/batches", Array.Empty<byte>(), "application/octet-stream")).ProblemCode());
        Assert.Empty(_served.Broker.Changes);
    }

    [Fact]
    public async Task InvalidUtf8IsRefusedEvenWithinABody()
    {
        byte[] body = [.. "{\"body\":\""u8, 0xC3, 0x28, .. "\"}"u8];
        Assert.Equal("malformed", (await _served.Send("POST", Topic + "/messages", body, "application/json")).ProblemCode());
        Assert.Empty(_served.Broker.Changes);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/json; charset=latin1")]
    [InlineData("application/octet-stream")]
    [InlineData("nonsense")]
    public async Task ContentTypeThatIsNotJson(string type)
    {
        foreach (var (method, path, body) in Bodies.All)
        {
            var answer = await _served.Send(method, path, body, type);
            Assert.Equal((415, "media-type-unsupported"), ((int)answer.Status, answer.ProblemCode()));
        }
        Assert.Empty(_served.Broker.Changes);
    }

    [Fact]
    public async Task BatchesThatAreNotOctets()
    {
        Assert.Equal("media-type-unsupported", (await _served.Send("POST", Partition + "/batches", Samples.Batch("a"), "application/json")).ProblemCode());
        using var zipped = new HttpRequestMessage(HttpMethod.Post, Partition + "/batches") { Content = new ByteArrayContent(Samples.Batch("a")) };
        zipped.Content.Headers.ContentEncoding.Add("gzip");
        Assert.Equal("media-type-unsupported", (await _served.Send(zipped)).ProblemCode());
        Assert.Empty(_served.Broker.Changes);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task BodyBeyondTheLimit(bool chunked)
    {
        foreach (var (path, size) in new[] { (Topic + "/messages", 4097), (Partition + "/batches", 8193), (Partition + "/batches", 100_000) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(new byte[size]) };
            request.Headers.TransferEncodingChunked = chunked;
            var answer = await _served.Send(request);
            Assert.Equal((413, "request-too-large"), ((int)answer.Status, answer.ProblemCode()));
        }
        Assert.Empty(_served.Broker.Changes);
    }

    [Fact]
    public async Task BodyWhereThereIsNone()
    {
        Assert.Equal("malformed", (await _served.Send("GET", "/v1/topics", "{}")).ProblemCode());
        Assert.Equal("malformed", (await _served.Send("DELETE", Topic, "{}")).ProblemCode());
        Assert.Empty(_served.Broker.Changes);
    }

    [Fact]
    public async Task MoreMessagesThanOneRequestTakes()
    {
        await using var roomy = await Served.Start();
        var body = $"[{string.Join(',', Enumerable.Repeat("{}", 10_001))}]";
        Assert.Equal("malformed", (await roomy.Send("POST", Topic + "/messages", body)).ProblemCode());
        Assert.Empty(roomy.Broker.Changes);
    }

    [Fact]
    public async Task WebPageOfAnotherOrigin()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Group + "/receive");
        request.Headers.Add("Origin", "http://evil.example");
        var answer = await _served.Send(request);
        Assert.Equal((403, "forbidden"), ((int)answer.Status, answer.ProblemCode()));
        Assert.Empty(_served.Broker.Changes);
    }

    private static IEnumerable<(byte[] Octets, string Code)> Damaged(byte[] good)
    {
        yield return (good[..^1], "batch-corrupt");
        yield return (good[..20], "batch-corrupt");
        yield return ([.. good, 0], "batch-corrupt");
        yield return (Encoding.ASCII.GetBytes(new string('x', 100)), "batch-corrupt");
        yield return (new byte[100], "batch-corrupt");
        for (var i = 8; i < good.Length; i++)
        {
            // The leader epoch lies outside the CRC: it is the partition's to set.
            if (i is >= 12 and < 16)
                continue;
            var flipped = good.ToArray();
            flipped[i] ^= 0x40;
            yield return (flipped, "batch-corrupt");
        }
    }
}
