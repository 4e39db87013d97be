using System.Diagnostics;
using System.Net;
using OrleansMq.Silo;

namespace OrleansMq.Gateways.Http.Tests;

public sealed class SiloOptionsTests
{
    private static SiloOptions Of(params string[] arguments) => From(null, [], arguments);

    private static SiloOptions From(string? file, Dictionary<string, string> environment, params string[] arguments) =>
        SiloOptions.Of(SettingSources.Gather(file, environment, arguments, _ => { }));

    [Fact]
    public void DefaultsAreTheDesigns()
    {
        var options = Of();
        Assert.Equal(
            ("./data", "orleansmq", 11111, 30000, IPAddress.Loopback, (int?)8080, true),
            (options.Data, options.Cluster, options.SiloPort, options.GatewayPort, options.Listen, options.Http, options.Durable));
    }

    [Fact]
    public void SwitchesAreRead()
    {
        var options = Of("--data", "/x", "--http=0", "--acks", "accepted", "--listen", "0.0.0.0", "--insecure", "--kafka", "off", "--host", "embedded", "--storage=files");
        Assert.Equal(("/x", 0, false, IPAddress.Any), (options.Data, options.Http, options.Durable, options.Listen));
        Assert.Null(Of("--http", "off").Http);
        Assert.Equal((1, 4), (Of().KafkaPartitions, Of("--kafka-partitions", "4").KafkaPartitions));
        Assert.Equal((false, true), (Of().Journal, Of("--journal", "on").Journal));
        Assert.Equal(IPAddress.IPv6Loopback, Of("--listen", "::1").Listen);
        Assert.Equal(IPAddress.Loopback, Of("--listen", "localhost").Listen);
    }

    [Fact]
    public void WebhooksAreRegisteredWhereAnOperatorSaysSoAndNotByStrangers()
    {
        Assert.False(Of("--webhooks", "w.json").WebhooksApi);
        Assert.True(Of("--webhooks-api").WebhooksApi);
        Assert.True(From("""{"webhooks-api":true}""", []).WebhooksApi);
        Assert.True(Of("--webhooks-api", "--listen", "0.0.0.0", "--insecure", "--access", "on").WebhooksApi);
        Assert.Contains("--access on", Assert.Throws<SettingException>(() => Of("--webhooks-api", "--listen", "0.0.0.0", "--insecure")).Message, StringComparison.Ordinal);
    }

#if ORLEANS
    [Theory]
    [InlineData("shared")]
    [InlineData("blobs")]
    public void AJournalIsForOneProcessOnItsOwnDisk(string storage)
    {
        string[] place = storage == "blobs" ? ["--blobs", "UseDevelopmentStorage=true"] : [];
        var refused = Assert.Throws<SettingException>(() => Of(["--host", "orleans", "--storage", storage, "--journal", "on", .. place]));
        Assert.Contains("--journal", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SiloIsAMemberOfAClusterOnASharedFolder()
    {
        var options = Of("--host", "orleans", "--storage", "shared", "--cluster", "c", "--silo-port", "1", "--gateway-port", "2", "--membership", "defaults", "--silo-address", "10.0.0.1", "--insecure");
        Assert.Equal(
            (true, StoragePlace.Shared, "c", 1, 2, false, IPAddress.Parse("10.0.0.1"), IPAddress.Loopback),
            (options.Orleans, options.Storage, options.Cluster, options.SiloPort, options.GatewayPort, options.TunedMembership, options.SiloAddress, options.Listen));
        Assert.Contains("--silo-port", Assert.Throws<SettingException>(() => Of("--host", "orleans", "--silo-port", "5", "--gateway-port", "5")).Message, StringComparison.Ordinal);
        Assert.True(Of("--host", "orleans").TunedMembership);
    }

    [Fact]
    public void OrleansPortsThatOthersCanReachNeedTlsOrTheWordThatTheyNeedNone()
    {
        string[] silo = ["--host", "orleans", "--silo-address", "10.0.0.1"];
        string[] tls = ["--orleans-tls-certificate", "c", "--orleans-tls-key", "k", "--orleans-tls-roots", "r"];
        foreach (var access in (string[])["on", "off"])
        {
            Assert.Equal(("c", "k", "r"), Files(Of([.. silo, .. tls, "--access", access]).Security));
            Assert.Null(Of([.. silo, "--insecure", "--access", access]).Security.OrleansTlsCertificate);
            var refused = Assert.Throws<SettingException>(() => Of([.. silo, "--access", access])).Message;
            Assert.Contains("--silo-address 10.0.0.1", refused, StringComparison.Ordinal);
            Assert.Contains("say --orleans-tls-certificate FILE, --orleans-tls-key FILE and --orleans-tls-roots FILE", refused, StringComparison.Ordinal);
        }

        static (string?, string?, string?) Files(SecurityOptions security) => (security.OrleansTlsCertificate, security.OrleansTlsKey, security.OrleansTlsRoots);
    }

    [Theory]
    [InlineData("0.0.0.0:9092", "10.0.0.1:9092")]
    [InlineData("[::]:9092", "10.0.0.1:9092")]
    [InlineData("10.0.0.7:9092", "10.0.0.7:9092")]
    [InlineData("broker.example:9092", "broker.example:9092")]
    public void WhatListensEverywhereIsAnnouncedWhereTheOtherSilosFindIt(string address, string announced)
    {
        Assert.Equal(announced, Of("--host", "orleans", "--silo-address", "10.0.0.1", "--insecure").AnnouncementOf(address));
        Assert.Equal(address, Of("--host", "orleans").AnnouncementOf(address));
        Assert.Equal(address, Of().AnnouncementOf(address));
    }
#endif

    [Fact]
    public void OneSettingAsksWhoComesAndWithTlsOthersMayReachIt()
    {
        Assert.False(Of().Security.On);
        Assert.True(Of("--access", "on").Security.On);
        Assert.Equal(9092, Of("--access", "on").Kafka);
        Assert.Equal(IPAddress.Any, Of("--access", "on", "--listen", "0.0.0.0", "--tls-certificate", "c", "--tls-key", "k").Listen);

        var secret = From(null, new() { ["ORLEANSMQ_ACCESS"] = "on", ["ORLEANSMQ_ADMIN_PASSWORD"] = "a secret of mine" });
        Assert.DoesNotContain("a secret of mine", secret.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void CommandLineOverEnvironmentOverFile()
    {
        const string file = """{"data":"file","http":1,"silo-port":2,"Logging":{"LogLevel":{"Default":"Debug"}}}""";
        var options = From(file, new() { ["ORLEANSMQ_HTTP"] = "3", ["ORLEANSMQ_DATA"] = "env", ["PATH"] = "x" }, "--http", "4");
        Assert.Equal(("env", 4, 2), (options.Data, options.Http, options.SiloPort));
        Assert.Equal(5, From(file, new() { ["ORLEANSMQ_SILO_PORT"] = "5" }).SiloPort);
        Assert.Equal(IPAddress.Any, From("""{"listen":"0.0.0.0","insecure":true}""", []).Listen);
    }

    [Fact]
    public void UnknownNamesInTheEnvironmentAreWarnedOf()
    {
        var warnings = new List<string>();
        SettingSources.Gather(null, new Dictionary<string, string> { ["ORLEANSMQ_PORT"] = "tcp://10.0.0.1" }, [], warnings.Add);
        Assert.Contains("ORLEANSMQ_PORT", Assert.Single(warnings), StringComparison.Ordinal);
    }

#if BLOBS
    [Fact]
    public void BlobsAreWhereTheyAreSaidToBeAndNeverPrinted()
    {
        Assert.Null(Of().Blobs);
        var options = Of("--storage", "blobs", "--blobs", "AccountKey=secret");
        Assert.Equal("AccountKey=secret", options.Blobs?.Value);
        Assert.DoesNotContain("secret", options.ToString(), StringComparison.Ordinal);
        Assert.Equal("y", From("""{"storage":"blobs"}""", new() { ["ORLEANSMQ_BLOBS"] = "y" }).Blobs?.Value);
    }
#endif

    public static TheoryData<string, string[]> Wrong() => new()
    {
        { "--nope", ["--nope"] },
        { "--nope", ["--nope=1"] },
        { "--DATA", ["--DATA", "x"] },
        { "data", ["data"] },
        { "-d", ["-d", "x"] },
        { "--data", ["--data"] },
        { "--data", ["--data", "--http"] },
        { "--data", ["--data", ""] },
        { "--http", ["--http", "http"] },
        { "--http", ["--http", "65536"] },
        { "--http", ["--http", "-1"] },
        { "--http", ["--http", "1", "--http", "2"] },
        { "--silo-port", ["--silo-port", "0"] },
        { "--gateway-port", ["--gateway-port", "off"] },
        { "--cluster", ["--cluster", " "] },
        { "--acks", ["--acks", "none"] },
        { "--journal", ["--journal", "maybe"] },
#if !ORLEANS
        { "--host", ["--host", "orleans"] },
#endif
        { "--host", ["--host", "moon"] },
        { "--storage", ["--storage", "shared"] },
        { "--storage", ["--storage", "blobs"] },
        { "--membership", ["--membership", "slow"] },
        { "--silo-address", ["--silo-address", "10.0.0.1"] },
        { "--silo-address", ["--silo-address", "here"] },
        { "--storage", ["--storage", "tape"] },
        { "--blobs", ["--blobs", "UseDevelopmentStorage=true"] },
        { "--kafka", ["--kafka", "kafka"] },
        { "--kafka-partitions", ["--kafka-partitions", "0"] },
        { "--kafka-partitions", ["--kafka-partitions", "10001"] },
        { "--amqp", ["--amqp", "0"] },
        { "--redis", ["--redis", "on"] },
        { "--mqtt", ["--mqtt", "1883"] },
        { "--stomp", ["--stomp", "61613"] },
        { "--listen", ["--listen", "0.0.0.0"] },
        { "--listen", ["--listen", "192.168.1.1", "--insecure", "false"] },
        { "--listen", ["--listen", "everywhere"] },
        { "--listen", ["--listen", "1"] },
        { "--insecure", ["--insecure=maybe"] },
        { "--listen", ["--listen", "0.0.0.0", "--access", "on"] },
        { "--listen", ["--listen", "0.0.0.0", "--tls-certificate", "c", "--tls-key", "k"] },
        { "--silo-address", ["--silo-address", "10.0.0.1", "--access", "on", "--tls-certificate", "c", "--tls-key", "k"] },
        { "--orleans-tls-certificate", ["--orleans-tls-certificate", "c"] },
        { "--orleans-tls-certificate", ["--orleans-tls-certificate", "c", "--orleans-tls-key", "k"] },
        { "--orleans-tls-key", ["--orleans-tls-key", "k", "--orleans-tls-roots", "r"] },
        { "--orleans-tls-roots", ["--orleans-tls-roots", "r"] },
        { "--orleans-tls-certificate", ["--orleans-tls-certificate", "c", "--orleans-tls-key", "k", "--orleans-tls-roots", "r"] },
        { "--orleans-tls-roots", ["--orleans-tls-certificate", "c", "--orleans-tls-key", "k", "--orleans-tls-roots", ""] },
        { "--access", ["--access", "perhaps"] },
        { "--admin-password-file", ["--admin-password-file", "f"] },
        { "--users", ["--users", "f", "--access", "off"] },
        { "--jwt-issuer", ["--jwt-issuer", "https://issuer", "--jwt-audience", "a"] },
        { "--jwt-issuer", ["--access", "on", "--jwt-issuer", "https://issuer"] },
        { "--jwt-issuer", ["--access", "on", "--jwt-issuer", "http://issuer.example", "--jwt-audience", "a"] },
        { "--jwt-audience", ["--access", "on", "--jwt-audience", "a"] },
        { "--tls-certificate", ["--tls-certificate", "c"] },
        { "--tls-key", ["--tls-key", "k"] },
        { "--tls-client-roots", ["--tls-client-roots", "r"] },
        { "--tls-client-certificate", ["--tls-certificate", "c", "--tls-key", "k", "--tls-client-certificate", "optional"] },
        { "--admin-password", ["--access", "on", "--admin-password", "on the command line"] },
        { "--users", ["--access", "on", "--users", "f", "--admin-password-file", "f"] },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void WrongSwitchIsNamedInOneLine(string named, string[] arguments)
    {
        var wrong = Assert.Throws<SettingException>(() => Of(arguments));
        Assert.Contains(named, wrong.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', wrong.Message);
    }

    [Fact]
    public void WrongSettingNamesItsSource()
    {
        Assert.Contains("ORLEANSMQ_HTTP", Assert.Throws<SettingException>(() => From(null, new() { ["ORLEANSMQ_HTTP"] = "x" })).Message, StringComparison.Ordinal);
        Assert.Contains("appsettings.json: htpt", Assert.Throws<SettingException>(() => From("""{"htpt":1}""", [])).Message, StringComparison.Ordinal);
        Assert.Contains("appsettings.json: http", Assert.Throws<SettingException>(() => From("""{"http":{}}""", [])).Message, StringComparison.Ordinal);
        Assert.Contains("appsettings.json", Assert.Throws<SettingException>(() => From("{", [])).Message, StringComparison.Ordinal);
        Assert.Contains("appsettings.json", Assert.Throws<SettingException>(() => From("[]", [])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--nope")]
#if !ORLEANS
    [InlineData("--host orleans")]
#endif
    [InlineData("--storage shared")]
    [InlineData("--storage blobs")]
    [InlineData("--blobs no-connection --storage blobs")]
    [InlineData("--amqp 5672")]
    [InlineData("--listen 0.0.0.0")]
    public async Task ProgramExitsWith2AndOneLine(string arguments)
    {
        var (code, output, errors) = await SiloProgram.Run(arguments);
        Assert.Equal((2, ""), (code, output));
        Assert.Contains(arguments.Split(' ')[0], errors, StringComparison.Ordinal);
        Assert.Single(errors.TrimEnd().Split('\n'));
    }
}

/// <summary>The program, as it was built beside this test.</summary>
internal static class SiloProgram
{
    public static async Task<(int Code, string Output, string Errors)> Run(string arguments)
    {
        using var process = Start(arguments);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await errors);
    }

    public static Process Start(string arguments)
    {
        // …/tests/NAME/bin/CONFIGURATION/FRAMEWORK: silo has the same tail.
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        var (framework, configuration) = (here.Name, here.Parent!.Name);
        var root = here.Parent.Parent!.Parent!.Parent!.Parent!.FullName;
        var program = Path.Combine(root, "silo", "bin", configuration, framework, "orleansmq.dll");
        return Process.Start(new ProcessStartInfo("dotnet", $"{program} {arguments}")
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Directory.CreateTempSubdirectory("orleansmq-").FullName,
        })!;
    }
}
