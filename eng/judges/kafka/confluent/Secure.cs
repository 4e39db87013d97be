using Confluent.Kafka;

/// <summary>The stories over TLS and with a login; JUDGE_* say who, and where the certificates lie.</summary>
internal static class Secure
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static async Task Run(string address, Func<string, Func<Task>, Task> test)
    {
        ClientConfig Tls(SecurityProtocol protocol) => new() { BootstrapServers = address, SecurityProtocol = protocol, SslCaLocation = Told("ROOT") };
        ClientConfig User(SaslMechanism mechanism, string user, string password)
        {
            var config = Tls(SecurityProtocol.SaslSsl);
            (config.SaslMechanism, config.SaslUsername, config.SaslPassword) = (mechanism, user, password);
            return config;
        }

        foreach (var mechanism in new[] { SaslMechanism.ScramSha512, SaslMechanism.ScramSha256, SaslMechanism.Plain })
        {
            await test($"TLS, {mechanism}", () => ProduceAndConsume(User(mechanism, Told("USER"), Told("PASSWORD")), $"secure-cs-{mechanism}"));
            await test($"a wrong password is a failed login, {mechanism}", () => FailsToComeIn(User(mechanism, Told("USER"), "not the password")));
            await test($"and so is a wrong name, {mechanism}", () => FailsToComeIn(User(mechanism, "nobody", Told("PASSWORD"))));
        }
        await test("TLS, client certificate", () =>
        {
            var config = Tls(SecurityProtocol.Ssl);
            (config.SslCertificateLocation, config.SslKeyLocation) = (Told("CERTIFICATE"), Told("KEY"));
            return ProduceAndConsume(config, "secure-cs-certificate");
        });
        await test("what no rule allows is refused", async () =>
        {
            using var producer = new ProducerBuilder<Null, string>(new ProducerConfig(User(SaslMechanism.ScramSha512, Told("USER"), Told("PASSWORD")))).Build();
            try
            {
                await producer.ProduceAsync("others", new Message<Null, string> { Value = "x" });
                throw new InvalidOperationException("it was taken");
            }
            catch (ProduceException<Null, string> e) when (e.Error.Code == ErrorCode.TopicAuthorizationFailed)
            {
            }
        });
    }

    private static string Told(string name) => Environment.GetEnvironmentVariable($"JUDGE_{name}") ?? throw new InvalidOperationException($"JUDGE_{name} is not said.");

    private static Task ProduceAndConsume(ClientConfig client, string topic)
    {
        using (var producer = new ProducerBuilder<Null, string>(new ProducerConfig(client) { EnableIdempotence = true, LingerMs = 5 }).Build())
        {
            for (var i = 0; i < 1_000; i++)
                producer.Produce(topic, new Message<Null, string> { Value = $"{i}" });
            if (producer.Flush(Patience) is > 0 and var left)
                throw new TimeoutException($"{left} are not acknowledged");
        }
        using var consumer = new ConsumerBuilder<Ignore, string>(new ConsumerConfig(client) { GroupId = topic, AutoOffsetReset = AutoOffsetReset.Earliest, EnableAutoCommit = false }).Build();
        consumer.Subscribe(topic);
        for (var i = 0; i < 1_000; i++)
            if (consumer.Consume(Patience)?.Message.Value is var value && value != $"{i}")
                throw new InvalidOperationException($"{value}, and not {i}");
        consumer.Commit();
        consumer.Close();
        return Task.CompletedTask;
    }

    private static async Task FailsToComeIn(ClientConfig client)
    {
        var failed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var admin = new AdminClientBuilder(client).SetErrorHandler((_, error) =>
        {
            if (error.Code == ErrorCode.Local_Authentication)
                failed.TrySetResult();
        }).Build();
        await failed.Task.WaitAsync(Patience);
    }
}
