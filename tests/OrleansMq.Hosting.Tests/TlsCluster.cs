using OrleansMq.Access.Tests;
using OrleansMq.Failover;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Shared;

namespace OrleansMq.Hosting.Tests;

/// <summary>Two processes of the program whose Orleans ports are TLS, on one folder.</summary>
public sealed class TlsCluster : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("orleansmq-tls-");
    private readonly List<SiloNode> _silos = [];
    private SharedFileStorage? _storage;

    public const string Name = "tls";

    /// <summary>Everything but the ports. On a busy machine a silo that is slow is not dead.</summary>
    private string Arguments => $"--host orleans --storage shared --data {Data} --cluster {Name} --membership defaults --http 0 --kafka off {TlsArguments}";

    internal string TlsArguments => $"--orleans-tls-certificate {Pki.CertificateFile} --orleans-tls-key {Pki.KeyFile} --orleans-tls-roots {Pki.RootFile}";

    internal Pki Pki { get; } = new(amongPeers: true);

    /// <summary>What a client finds the silos by.</summary>
    public SharedFileStorage Storage => _storage ?? throw new InvalidOperationException("The cluster has not been started.");

    private string Data => Path.Combine(_folder.FullName, "data");

    public async Task InitializeAsync()
    {
        foreach (var name in (string[])["one", "two"])
        {
            var silo = new SiloNode(name, Arguments, Console.Error.WriteLine);
            _silos.Add(silo);
            await silo.Start();
        }
        _storage = new SharedFileStorage(new FileStorageOptions { Directory = Data });
    }

    public async Task DisposeAsync()
    {
        if (_storage is not null)
            await _storage.DisposeAsync();
        foreach (var silo in _silos)
            silo.Dispose();
        Pki.Dispose();
        _folder.Delete(recursive: true);
    }
}
