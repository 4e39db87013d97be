using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Connections.Security;
using OrleansMq.Access.Tests;
using OrleansMq.Failover;
using OrleansMq.Servers;

namespace OrleansMq.Hosting.Tests;

/// <summary>Who comes in by Orleans' own ports when they are TLS: silos of the program, clients of Orleans in this process.</summary>
public sealed class OrleansTlsTests(TlsCluster cluster) : IClassFixture<TlsCluster>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task SilosFormAClusterAndAClientWithACertificateOfTheRootsUsesIt()
    {
        using var certificate = cluster.Pki.Client("orders service");
        using var client = await Connect(tls => tls.LocalCertificate = certificate);
        var broker = client.Services.GetRequiredService<IBroker>();

        Assert.Equal(2, (await broker.DescribeCluster()).Nodes.Count);
        await broker.PutTopic("t", new TopicChange { Partitions = 8 });
        for (var partition = 0; partition < 8; partition++)
            await broker.Publish("t", [Message.OfText("x") with { Partition = partition }]);
        Assert.All((await broker.DescribeTopic("t")).Partitions, partition => Assert.Equal(1, partition.End));
        // They are on both: what goes from one silo to the other went by TLS too.
        await client.StopAsync();
    }

    [Fact]
    public async Task WhoHasNoCertificateOrAStrangersOrNoTlsDoesNotComeIn()
    {
        using var strangers = new Pki();
        using var strange = strangers.Client("orders service");
        using var forServers = cluster.Pki.ServerAsClient("orders service");

        await Refused(tls => tls.LocalCertificate = null);
        await Refused(tls => tls.LocalCertificate = strange);
        await Refused(null);
        // Orleans' client would not show it by itself.
        await Refused(tls => tls.OnAuthenticateAsClient = (_, options) => options.ClientCertificates = [forServers]);

        using var certificate = cluster.Pki.Client("orders service");
        using var client = await Connect(tls => tls.LocalCertificate = certificate);
        await client.StopAsync();
    }

    [Fact]
    public async Task AClientsCertificateOpensTheGatewayAndNotTheSilosPort()
    {
        using var client = cluster.Pki.Client("orders service");
        using var silo = X509Certificate2.CreateFromPemFile(cluster.Pki.CertificateFile, cluster.Pki.KeyFile);

        using (var host = await Connect(tls => tls.LocalCertificate = client))
            await host.StopAsync();
        var port = await AddressOf("orleans-silo");
        Assert.False(await Greets(port, client));
        Assert.False(await Greets(port, null));
        Assert.True(await Greets(port, silo));
    }

    [Fact]
    public async Task ANewCertificateIsShownWithoutARestart()
    {
        var gateway = await AddressOf("orleans");
        using var client = cluster.Pki.Client("orders service");
        var fresh = cluster.Pki.Replace();

        using var patience = new CancellationTokenSource(Patience);
        while (await ShownBy(gateway, client) != fresh)
            await Task.Delay(100, patience.Token);
        // It is taken by the silos too: the broker of one asks the other.
        Assert.Equal(2, (await Nodes()).Count);
    }

    [Fact]
    public async Task WhatCanNotWorkDoesNotStart()
    {
        using var forServersAlone = new Pki();
        var data = Directory.CreateTempSubdirectory("orleansmq-");
        try
        {
            var silo = $"--host orleans --data {data.FullName} --http 0 --kafka off";
            var shared = await ProgramRun.Orleansmq($"{silo} --access on {cluster.TlsArguments} --tls-certificate {cluster.Pki.CertificateFile} --tls-key {cluster.Pki.KeyFile} --tls-client-roots {cluster.Pki.RootFile}");
            var (alone, missing) = (
                await ProgramRun.Orleansmq($"{silo} --orleans-tls-certificate {forServersAlone.CertificateFile} --orleans-tls-key {forServersAlone.KeyFile} --orleans-tls-roots {forServersAlone.RootFile}"),
                await ProgramRun.Orleansmq($"{silo} --orleans-tls-certificate /nowhere.pem --orleans-tls-key /nowhere.key --orleans-tls-roots /nowhere.pem"));

            Assert.Equal((2, 1, 1), (shared.Code, alone.Code, missing.Code));
            Assert.Contains("have a root's key in common (CN=test root)", shared.Errors, StringComparison.Ordinal);
            Assert.Contains($"{forServersAlone.CertificateFile}: peers with the roots", alone.Errors, StringComparison.Ordinal);
            Assert.Contains("/nowhere", missing.Errors, StringComparison.Ordinal);
        }
        finally
        {
            data.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task TheDoctorFindsNothingOpenInOrleansPortsThatAskForACertificate()
    {
        var http = (await Nodes())[0].Gateways["http"];

        var run = await ProgramRun.Mq($"doctor --security --server http://{http}");

        // Nobody is asked by HTTP here, and that alone is what is open.
        Assert.Equal(1, run.Code);
        Assert.Contains("nobody is asked who they are", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("orleans of", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("orleans-silo of", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheDoctorNamesOrleansPortsThatTakeEveryone()
    {
        var data = Directory.CreateTempSubdirectory("orleansmq-");
        var http = FreePort.Take();
        using var silo = new SiloNode("clear", $"--host orleans --data {data.FullName} --http {http} --kafka off", Console.Error.WriteLine);
        try
        {
            await silo.Start();

            var run = await ProgramRun.Mq($"doctor --security --json --server http://127.0.0.1:{http}");

            foreach (var port in (string[])["orleans of", "orleans-silo of"])
                Assert.Contains(port, run.Output, StringComparison.Ordinal);
            Assert.Equal(2, run.Output.Split("): whoever is on that machine may do everything").Length - 1);
        }
        finally
        {
            silo.Dispose();
            data.Delete(recursive: true);
        }
    }

    private async Task<IReadOnlyList<NodeDescription>> Nodes()
    {
        using var certificate = cluster.Pki.Client("asker");
        using var client = await Connect(tls => tls.LocalCertificate = certificate);
        var nodes = (await client.Services.GetRequiredService<IBroker>().DescribeCluster()).Nodes;
        await client.StopAsync();
        return nodes;
    }

    private async Task<IPEndPoint> AddressOf(string port) => IPEndPoint.Parse((await Nodes())[0].Gateways[port]);

    private async Task Refused(Action<TlsOptions>? tls) =>
        Assert.True(await Record.ExceptionAsync(() => Connect(tls)) is OrleansException or Orleans.Runtime.SiloUnavailableException or IOException);

    /// <param name="tls">Null: in clear text.</param>
    private async Task<IHost> Connect(Action<TlsOptions>? tls)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleansClient(orleans =>
        {
            // Who is refused is refused the next time too.
            orleans.UseConnectionRetryFilter((_, _) => Task.FromResult(false));
            orleans.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (TlsCluster.Name, TlsCluster.Name));
            orleans.UseOrleansMqClustering(cluster.Storage.Documents).AddOrleansMq(broker => broker.RetryFor = Patience);
            if (tls is not null)
            {
                // As docs/security.md has it.
                orleans.UseTls(options =>
                {
                    options.RemoteCertificateValidation = (certificate, chain, errors) => IsOf(cluster.Pki.Roots, certificate);
                    tls(options);
                });
            }
        });
        var host = builder.Build();
        try
        {
            await host.StartAsync();
            return host;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    private static bool IsOf(X509Certificate2Collection roots, X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new("1.3.6.1.5.5.7.3.1"));
        return chain.Build(certificate);
    }

    /// <summary>A silo says who it is as soon as it takes a connection of another silo.</summary>
    private static async Task<bool> Greets(IPEndPoint siloPort, X509Certificate2? certificate)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(siloPort);
        await using var tls = new SslStream(socket.GetStream());
        try
        {
            await tls.AuthenticateAsClientAsync(Showing(certificate));
            return await tls.ReadAsync(new byte[1]) > 0;
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return false;
        }
    }

    private static async Task<string> ShownBy(IPEndPoint port, X509Certificate2 client)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(port);
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(Showing(client));
        return ((X509Certificate2)tls.RemoteCertificate!).Thumbprint;
    }

    private static SslClientAuthenticationOptions Showing(X509Certificate2? certificate) => new()
    {
        TargetHost = "localhost",
        ApplicationProtocols = [new("Orleans1")],
        ClientCertificates = certificate is null ? null : [certificate],
        RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null,
    };
}
