namespace OrleansMq.Gateways;

/// <summary>Where the certificates lie.</summary>
public sealed record TlsOptions
{
    /// <summary>PEM: the server's certificate, and behind it those that lead to its root.</summary>
    public required string CertificateFile { get; init; }

    /// <summary>PEM: its private key, not encrypted, readable by its owner alone.</summary>
    public required string KeyFile { get; init; }

    /// <summary>PEM: the roots from which a client's certificate may descend. Null: clients are asked for none.</summary>
    public string? ClientRootsFile { get; init; }

    /// <summary>Whether a client without a certificate is turned away. Of effect where there are roots.</summary>
    public bool ClientCertificateRequired { get; init; } = true;

    /// <summary>Of peers that have the same roots and are each other's servers and clients: a certificate that they would not take as both is refused here. Needs <see cref="ClientRootsFile"/>.</summary>
    public bool AmongPeers { get; init; }

    /// <summary>Roots that <see cref="ClientRootsFile"/> may have no key in common with, now and whenever it is read again. Null: it may have any.</summary>
    public SeparateRoots? Apart { get; init; }

    /// <summary>How often the files are looked at; new ones count for the next handshake. 10 s.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromSeconds(10);
}
