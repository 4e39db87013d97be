using OrleansMq.Access;
using OrleansMq.Conformance.Broker;
using OrleansMq.Gateways;
using OrleansMq.Gateways.Kafka;

namespace OrleansMq.Cli.Tests;

/// <summary><c>mq doctor --security</c>.</summary>
public sealed class SecurityDoctorTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;

    public async Task InitializeAsync() => _broker = await EmbeddedBroker.InMemory();

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    [Fact]
    public async Task ABrokerThatAsksNobodyIsOpenAndSoIsItsListener()
    {
        _broker.Announce("http", "0.0.0.0:8080");
        _broker.Announce("kafka", "127.0.0.1:9092");

        var run = await Mq.Run(_broker, "doctor", "--security", "--json");

        Assert.Equal(1, run.Code);
        Assert.Equal(2, Open(run).Length);
        Assert.Contains(Open(run), what => what.Contains("nobody is asked", StringComparison.Ordinal));
        Assert.Contains(Open(run), what => what.Contains("0.0.0.0:8080", StringComparison.Ordinal));
    }

    [Fact]
    public async Task WebhooksThatAnybodyMayRegisterAreOpenAndUnsignedOnesAreNoted()
    {
        using var ground = new WebhookGround("{}");
        await using var desk = await ground.Desk(_broker);
        _broker.Webhooks = desk.Directory;
        Assert.Contains(Open(await Mq.Run(_broker, "doctor", "--security", "--json")), what => what.Contains("call addresses by webhooks", StringComparison.Ordinal));

        await _broker.PutTopic("t", new TopicChange());
        await desk.Directory!.PutWebhook("t", "g", new WebhookChange { Url = new("https://hooks.example.com") });
        await using var control = await AccessControl.Start(new Memory(), new AccessControlOptions { AdminPassword = "the admin's own", LookEvery = Timeout.InfiniteTimeSpan });
        var run = await Run(control);

        Assert.Equal((0, 0), (run.Code, Open(run).Length));
        Assert.Contains("the webhook of t/g is not signed", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatIsOpenAmongTheRulesIsListedWithWhy()
    {
        await using var control = await AccessControl.Start(new Memory(), new AccessControlOptions { AdminPassword = "the admin's own", LookEvery = Timeout.InfiniteTimeSpan });
        await control.Directory.PutUser("anna", new UserChange { Password = "correct horse" });
        var clean = await Run(control);
        Assert.Equal((0, 0), (clean.Code, Open(clean).Length));

        await control.Directory.AddRule(new AccessRule(SubjectKind.User, "anna", AccessOperations.Delete | AccessOperations.Browse, ResourceKind.Topic, ResourceMatch.Pattern, "*"));
        await control.Directory.AddRule(new AccessRule(SubjectKind.Team, "gone", AccessOperations.Browse, ResourceKind.Topic, ResourceMatch.Literal, "t"));
        await control.Directory.AddRule(new AccessRule(SubjectKind.Team, "jwt:ops", AccessOperations.Admin, ResourceKind.Cluster, ResourceMatch.Literal, ""));
        var run = await Run(control);

        Assert.Equal(1, run.Code);
        Assert.Equal(3, Open(run).Length);
        Assert.Contains(Open(run), what => what.Contains("anna may delete on every topic", StringComparison.Ordinal));
        Assert.Contains(Open(run), what => what.Contains("nobody of the name", StringComparison.Ordinal));
        Assert.Contains(Open(run), what => what.Contains("jwt:ops may administer", StringComparison.Ordinal));
    }

    [Fact]
    public async Task KafkasListenersAreLookedAtEachByItself()
    {
        await using var control = await AccessControl.Start(new Memory(), new AccessControlOptions { AdminPassword = "the admin's own", LookEvery = Timeout.InfiniteTimeSpan });
        await using var asks = await KafkaGateway.Start(_broker, new KafkaGatewayOptions { Port = 0, Security = new GatewaySecurity { Access = control } });
        await using var open = await KafkaGateway.Start(_broker, new KafkaGatewayOptions { Port = 0 });

        _broker.Announce("kafka", asks.Address);
        var run = await Run(control);
        Assert.Equal((0, 0), (run.Code, Open(run).Length));
        Assert.Contains("is not TLS; within this machine that is no hole", run.Out, StringComparison.Ordinal);

        _broker.Announce("kafka", open.Address);
        run = await Run(control);
        Assert.Equal(1, run.Code);
        Assert.Contains($"{open.Address} asks nobody who they are", Assert.Single(Open(run)), StringComparison.Ordinal);

        await open.DisposeAsync();
        run = await Run(control);
        Assert.Equal(0, run.Code);
        Assert.Contains("could not be reached", run.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(OrleansPort.Asks, true, false, null)]
    [InlineData(OrleansPort.TakesAnyone, false, true, "lets in who shows no certificate: whoever reaches it may do everything")]
    [InlineData(OrleansPort.Clear, true, false, "whoever is on that machine may do everything")]
    [InlineData(OrleansPort.Clear, false, true, "is not TLS (to its beginning it said nothing, and closed the connection): whoever reaches it may do everything")]
    [InlineData(OrleansPort.Greets, false, true, "is not TLS (to its beginning it said something else): whoever reaches it may do everything")]
    public async Task OrleansPortsAreLookedAtEachByItself(string manners, bool withinTheMachine, bool open, string? what)
    {
        await using var control = await AccessControl.Start(new Memory(), new AccessControlOptions { AdminPassword = "the admin's own", LookEvery = Timeout.InfiniteTimeSpan });
        await using var port = new OrleansPort(manners);
        // Whoever connects to "everywhere" comes to the same listener, and it is no address of this machine alone.
        _broker.Announce("orleans", $"{(withinTheMachine ? "127.0.0.1" : "0.0.0.0")}:{port.Number}");

        var run = await Run(control);

        Assert.Equal(open ? 1 : 0, run.Code);
        if (what is null)
            Assert.DoesNotContain("orleans of", run.Out, StringComparison.Ordinal);
        else
            Assert.Contains(what, run.Out, StringComparison.Ordinal);
        if (open)
            Assert.Contains("orleans of", Assert.Single(Open(run)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnOrleansPortThatCanNotBeReachedIsSaidToBeUnseen()
    {
        await using var control = await AccessControl.Start(new Memory(), new AccessControlOptions { AdminPassword = "the admin's own", LookEvery = Timeout.InfiniteTimeSpan });
        await using (var gone = new OrleansPort(OrleansPort.Clear))
            _broker.Announce("orleans-silo", $"127.0.0.1:{gone.Number}");

        var run = await Run(control);

        Assert.Equal(0, run.Code);
        var unseen = Assert.Single(Unknown(run));
        Assert.StartsWith("orleans-silo of", unseen, StringComparison.Ordinal);
        Assert.Contains("could not be reached from here (Connection refused): it is not known whether it lets in who shows no certificate", unseen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnOrleansPortThatSpeaksTlsAndDoesNotComeToAskIsNotTakenForOneThatAsks()
    {
        await using var control = await AccessControl.Start(new Memory(), new AccessControlOptions { AdminPassword = "the admin's own", LookEvery = Timeout.InfiniteTimeSpan });
        await using var port = new OrleansPort(OrleansPort.Fails);
        _broker.Announce("orleans", $"127.0.0.1:{port.Number}");

        var (run, shown) = (await Run(control), await Run(control, "--security"));

        Assert.Equal(0, run.Code);
        Assert.Contains("is TLS, and it is not known whether it lets in who shows no certificate: TLS ended before it had asked for a certificate: ", Assert.Single(Unknown(run)), StringComparison.Ordinal);
        Assert.Contains("unknown\torleans of", shown.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("Nothing is open that should not be", shown.Out + shown.Error, StringComparison.Ordinal);
        Assert.Contains("Nothing was found open, and 1 could not be seen.", shown.Out + shown.Error, StringComparison.Ordinal);
    }

    /// <summary>As an administrator, and as nobody where the command comes without a credential.</summary>
    private async Task<Mq> Run(AccessControl control, params string[] how)
    {
        var (output, error) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" });
        var password = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(password, "the admin's own");
            var code = await MqProgram.Run(["doctor", .. how is [] ? ["--security", "--json"] : how, "--login", "admin", "--password-file", password], new MqConsole(TextReader.Null, output, error), (_, options) =>
                options.Credential is null ? BrokerProxy.Failing(new MqException(ErrorCodes.Unauthenticated, "Say who you are.")) : BrokerProxy.Over(control.As(_broker, new Principal("admin"))));
            return new(code, output.ToString(), error.ToString());
        }
        finally
        {
            File.Delete(password);
        }
    }

    private static string[] Open(Mq run) => Those(run, "open");

    private static string[] Unknown(Mq run) => Those(run, "unknown");

    private static string[] Those(Mq run, string kind) => [.. run.Json["findings"]!.AsArray().Where(finding => (bool)finding![kind]!).Select(finding => (string)finding!["what"]!)];

    private sealed class Memory : IAccessStore
    {
        private StoredAccess? _stored;

        public string Place => "memory";

        public bool ReadOnly => false;

        public ValueTask<StoredAccess?> Load(CancellationToken cancel = default) => ValueTask.FromResult(_stored);

        public ValueTask<long?> Save(ReadOnlyMemory<byte> bytes, long expectedVersion, CancellationToken cancel = default) =>
            ValueTask.FromResult<long?>((_stored = new StoredAccess(bytes, expectedVersion + 1)).Version);
    }
}
