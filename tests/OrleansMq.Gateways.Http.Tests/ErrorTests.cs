using System.Reflection;

namespace OrleansMq.Gateways.Http.Tests;

public sealed class ErrorTests : IAsyncLifetime
{
    private Served _served = null!;

    public async Task InitializeAsync() => _served = await Served.Start();

    public async Task DisposeAsync() => await _served.DisposeAsync();

    public static TheoryData<string> Codes() =>
        [.. typeof(ErrorCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!)];

    [Theory]
    [MemberData(nameof(Codes))]
    public async Task EveryCodeHasItsStatusAndComesBackAsItself(string code)
    {
        _served.Broker.Before = (_, _) => throw new MqException(code, "Because.", TimeSpan.FromMilliseconds(1500));
        var answer = await _served.Send("DELETE", "/v1/topics/t");
        Assert.Equal(code, answer.ProblemCode());
        if ((int)answer.Status is 429 or 503)
            Assert.Equal(2, answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds);

        await using var broker = HttpBroker.Connect(_served.Gateway.Uri);
        var refusal = await Assert.ThrowsAsync<MqException>(async () => await broker.DeleteTopic("t"));
        Assert.Equal(new MqError(code, "Because.", TimeSpan.FromMilliseconds(1500)), refusal.Error);
    }

    [Theory]
    [InlineData(ErrorCodes.Malformed, 400)]
    [InlineData(ErrorCodes.NotAvailable, 400)]
    [InlineData(ErrorCodes.Unauthenticated, 401)]
    [InlineData(ErrorCodes.Forbidden, 403)]
    [InlineData(ErrorCodes.TopicUnknown, 404)]
    [InlineData(ErrorCodes.Conflict, 409)]
    [InlineData(ErrorCodes.PartitionsChanged, 409)]
    [InlineData(ErrorCodes.MessageTooLarge, 413)]
    [InlineData(ErrorCodes.BacklogFull, 429)]
    [InlineData(ErrorCodes.AdmissionClosed, 429)]
    [InlineData(ErrorCodes.QuotaReached, 429)]
    [InlineData(ErrorCodes.PartitionUnavailable, 503)]
    [InlineData(ErrorCodes.DiskFull, 507)]
    public void TheContractsStatuses(string code, int status) => Assert.Equal(status, HttpErrors.Of(code).Status);

    [Fact]
    public async Task FaultOfOursTellsNothingOfItself()
    {
        _served.Broker.Before = (_, _) => throw new InvalidOperationException("secret inside");
        var look = await _served.Send("GET", "/v1/topics/t");
        Assert.Equal((500, "internal"), ((int)look.Status, look.ProblemCode()));
        var change = await _served.Send("DELETE", "/v1/topics/t");
        Assert.Equal((500, "outcome-unknown"), ((int)change.Status, change.ProblemCode()));
        Assert.DoesNotContain("secret", look.Text + change.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MessagesAllRefusedForOneReasonAreARefusedRequest()
    {
        var refused = new PublishResult(default, false, new MqError(ErrorCodes.BacklogFull, "Full.", TimeSpan.FromSeconds(3)));
        _served.Broker.PublishResults = [refused, refused];
        var answer = await _served.Send("POST", "/v1/topics/t/messages", "[{},{}]");
        Assert.Equal((429, "backlog-full"), ((int)answer.Status, answer.ProblemCode()));
        Assert.Equal("backlog-full", answer.Json.GetProperty("results")[1].GetProperty("error").GetProperty("code").GetString());

        await using var broker = HttpBroker.Connect(_served.Gateway.Uri);
        Assert.Equal(refused.Error, (await broker.Publish("t", [Samples.Message, Samples.Message]))[1].Error);
    }

    [Fact]
    public async Task MessagesRefusedInPartAreAnswered()
    {
        _served.Broker.PublishResults = [new(new Position(1, 5), true, null), new(default, false, new MqError(ErrorCodes.MessageTooLarge, "Big."))];
        var answer = await _served.Send("POST", "/v1/topics/t/messages", "[{},{}]");
        Assert.Equal(200, (int)answer.Status);
        Assert.Equal(
            """{"results":[{"position":{"partition":1,"offset":5},"duplicate":true},{"error":{"code":"message-too-large","detail":"Big."}}]}""", answer.Text);
    }
}
