using System.Diagnostics;
using OrleansMq.Conformance;
using OrleansMq.Conformance.Broker;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>The program from start to stop.</summary>
public sealed class SiloProcessTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _data = Directory.CreateTempSubdirectory("orleansmq-").FullName;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task ReadyMeansAnsweringAndTermMeansFlushedAndZero()
    {
        using (var silo = SiloProgram.Start($"--data {_data} --http 0 --kafka off"))
        {
            var address = await Ready(silo);
            await using var broker = HttpBroker.Connect(address);
            await broker.PutTopic("t", new TopicChange());
            await broker.Publish("t", [Samples.Message with { Partition = 0 }], new PublishOptions { Acks = Acks.Accepted });
            Assert.Equal(address.Authority, Assert.Single((await broker.DescribeCluster()).Nodes).Gateways["http"]);

            var (code, _, errors) = await SiloProgram.Run($"--data {_data} --http 0 --kafka off");
            Assert.Equal(1, code);
            Assert.Contains("in use", errors, StringComparison.Ordinal);
            (code, _, errors) = await SiloProgram.Run($"--data {_data}/other --http {address.Port} --kafka off");
            Assert.Equal(1, code);
            Assert.StartsWith($"orleansmq can't start: --http {address.Port}: nothing can listen at 127.0.0.1:{address.Port}: ", errors, StringComparison.Ordinal);
            // 192.0.2.0/24 is nobody's.
            (code, _, errors) = await SiloProgram.Run($"--data {_data}/other --http off --kafka 0 --listen 192.0.2.1 --insecure");
            Assert.Equal(1, code);
            Assert.StartsWith("orleansmq can't start: --kafka 0: nothing can listen at 192.0.2.1:0: ", errors, StringComparison.Ordinal);

            // A wait does not hold up the stop.
            await broker.PutTopic("empty", new TopicChange());
            var waiting = Assert.ThrowsAsync<MqException>(async () => await broker.Receive("empty", "g", new ReceiveRequest { Wait = Patience }));
            await Terminate(silo, waiting);
            Assert.Equal("", await silo.StandardOutput.ReadToEndAsync());
        }

        using (var again = SiloProgram.Start($"--data={_data} --http=0 --kafka off --acks accepted"))
        {
            await using var broker = HttpBroker.Connect(await Ready(again));
            Assert.Equal(1, (await broker.DescribeTopic("t")).Partitions[0].End);
            await Terminate(again, Task.CompletedTask);
        }
    }

    [Fact]
    public async Task WhoComesIsAskedAndTheAdministratorIsMadeFromThePasswordFile()
    {
        var file = Path.Combine(_data, "admin.txt");
        await File.WriteAllTextAsync(file, "a password of my own\n");
        var (code, _, errors) = await SiloProgram.Run($"--data {_data}/broker --http 0 --kafka 0 --access on");
        Assert.Equal(2, code);
        Assert.Contains("--admin-password-file", errors, StringComparison.Ordinal);

        using (var silo = SiloProgram.Start($"--data {_data}/broker --http 0 --kafka 0 --kafka-advertise broker.example:9092 --access on --admin-password-file {file}"))
        {
            var address = await Ready(silo);
            await using var nobody = HttpBroker.Connect(address);
            Assert.Equal(ErrorCodes.Unauthenticated, (await Assert.ThrowsAsync<MqException>(async () => await nobody.ListTopics())).Code);
            await using var admin = HttpBroker.Connect(address, new HttpBrokerOptions { Credential = HttpCredential.OfPassword("admin", "a password of my own") });
            await admin.Access.PutUser("anna", new UserChange { Password = "hers and nobody else's" });
            // The other nodes and their clients are told what Kafka's clients are told.
            Assert.Equal("broker.example:9092", Assert.Single((await admin.DescribeCluster()).Nodes).Gateways["kafka"]);
            await Terminate(silo, Task.CompletedTask);
        }

        using (var again = SiloProgram.Start($"--data {_data}/broker --http 0 --kafka off --access on"))
        {
            await using var anna = HttpBroker.Connect(await Ready(again), new HttpBrokerOptions { Credential = HttpCredential.OfPassword("anna", "hers and nobody else's") });
            Assert.Empty((await anna.ListTopics()).Items);
            Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(async () => await anna.PutTopic("t", new TopicChange()))).Code);
            await Terminate(again, Task.CompletedTask);
        }
    }

    [Fact]
    public async Task AGroupIsPushedToTheAddressThatTheFileOfWebhooksHas()
    {
        var file = Path.Combine(_data, "webhooks.json");
        await File.WriteAllTextAsync(file, """{"hooks":[]}""");
        var (code, _, errors) = await SiloProgram.Run($"--data {_data}/broker --http 0 --kafka off --webhooks {file}");
        Assert.Equal(2, code);
        Assert.Contains($"--webhooks {file}: $.hooks is no field", errors, StringComparison.Ordinal);

        await File.WriteAllTextAsync(file, "{}");
        using var silo = SiloProgram.Start($"--data {_data}/broker --http 0 --kafka off --webhooks {file}");
        var address = await Ready(silo);
        await using var broker = HttpBroker.Connect(address);
        await broker.PutTopic("t", new TopicChange());
        await broker.PutTopic("sink", new TopicChange());
        await broker.Publish("t", [Message.OfJson("""{"body":"pushed"}""")]);
        // Its receiver is the broker itself: what is pushed is a message that is sent.
        await File.WriteAllTextAsync(file, $$"""{"allowHttp":true,"networks":["127.0.0.0/8"],"webhooks":[{"topic":"t","group":"g","url":"{{address}}v1/topics/sink/messages"}]}""");

        await foreach (var message in broker.Browse("sink", 0, StartAt.Earliest, follow: true).WithCancellation(new CancellationTokenSource(Patience).Token))
        {
            Assert.Equal("\"pushed\"", message.BodyText);
            break;
        }
        await Terminate(silo, Task.CompletedTask);
    }

    [Fact]
    public async Task AnAdministratorRegistersAWebhookThatARestartKeepsAndNobodyElseMay()
    {
        var (rules, password) = (Path.Combine(_data, "webhooks.json"), Path.Combine(_data, "admin.txt"));
        await File.WriteAllTextAsync(rules, WebhookGround.Here);
        await File.WriteAllTextAsync(password, "a password of my own");
        using var receiver = new WebhookReceiver();
        var asAdmin = new HttpBrokerOptions { Credential = HttpCredential.OfPassword("admin", "a password of my own") };
        var switches = $"--data {_data}/broker --http 0 --kafka off --access on --admin-password-file {password} --webhooks {rules}";

        using (var silo = SiloProgram.Start($"{switches} --webhooks-api"))
        {
            var address = await Ready(silo);
            await using var admin = HttpBroker.Connect(address, asAdmin);
            await admin.PutTopic("t", new TopicChange());
            await admin.Access.PutUser("anna", new UserChange { Password = "hers and nobody else's" });
            await admin.Access.AddRule(new AccessRule(SubjectKind.User, "anna", AccessOperations.Produce | AccessOperations.Consume | AccessOperations.Create | AccessOperations.Alter, ResourceKind.Topic, ResourceMatch.Pattern, "*"));
            await using var anna = HttpBroker.Connect(address, new HttpBrokerOptions { Credential = HttpCredential.OfPassword("anna", "hers and nobody else's") });
            var hook = new WebhookChange { Url = receiver.At("/hook"), Secrets = Change<IReadOnlyList<string>>.To(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]) };
            Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(async () => await anna.Webhooks.PutWebhook("t", "g", hook))).Code);

            await admin.Webhooks.PutWebhook("t", "g", hook);
            await admin.Publish("t", [Message.OfText("1")]);
            await Received(receiver, 1);
            await Terminate(silo, Task.CompletedTask);
            Assert.DoesNotContain("MfKQ9r8GKYqr", await silo.StandardOutput.ReadToEndAsync() + await silo.StandardError.ReadToEndAsync(), StringComparison.Ordinal);
        }

        using (var without = SiloProgram.Start(switches))
        {
            await using var admin = HttpBroker.Connect(await Ready(without), asAdmin);
            Assert.Equal(ErrorCodes.NotAvailable, (await Assert.ThrowsAsync<MqException>(async () => await admin.Webhooks.ListWebhooks())).Code);
            await admin.Publish("t", [Message.OfText("2")]);
            await Terminate(without, Task.CompletedTask);
        }

        Assert.Single(receiver.Received);
        using (var again = SiloProgram.Start($"{switches} --webhooks-api"))
        {
            await Ready(again);
            await Received(receiver, 2);
            await Terminate(again, Task.CompletedTask);
        }
    }

    private static Task Received(WebhookReceiver receiver, int count) => Eventually.Holds(() => receiver.Received.Count >= count);

    private static async Task<Uri> Ready(Process silo)
    {
        var line = await silo.StandardOutput.ReadLineAsync().WaitAsync(Patience);
        Assert.StartsWith("orleansmq ready http=127.0.0.1:", line, StringComparison.Ordinal);
        return new Uri("http://" + line!["orleansmq ready http=".Length..].Split(' ')[0]);
    }

    private static async Task Terminate(Process silo, Task waiting)
    {
        var began = Stopwatch.GetTimestamp();
        using (var kill = Process.Start("kill", $"-TERM {silo.Id}"))
            await kill.WaitForExitAsync();
        await silo.WaitForExitAsync().WaitAsync(Patience);
        Assert.Equal(0, silo.ExitCode);
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(10));
        await waiting;
    }
}
