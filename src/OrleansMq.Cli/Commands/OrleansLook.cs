using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace OrleansMq.Cli.Commands;

/// <summary>What one of Orleans' ports does to somebody who comes without a certificate.</summary>
internal enum OrleansManners
{
    /// <summary>Nobody answers there, from here.</summary>
    Unreachable = 0,

    /// <summary>It speaks TLS, asked for a certificate, and did not go on without one.</summary>
    Asks = 1,

    /// <summary>It speaks TLS with everyone.</summary>
    TakesAnyone = 2,

    /// <summary>It answers something else than TLS, or nothing, as a port without TLS does.</summary>
    Clear = 3,

    /// <summary>It speaks TLS, and whom it takes was not to be seen.</summary>
    Unknown = 4,
}

/// <param name="Saw">What was seen, or why nothing was; to be put into a sentence.</param>
internal readonly record struct OrleansSight(OrleansManners Manners, string Saw);

/// <summary>Begins TLS with one of Orleans' ports, shows no certificate, and sees what comes of it. By itself the gateway port says nothing before its peer does; the silo port says who it is.</summary>
internal static class OrleansLook
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly SslApplicationProtocol Orleans = new("Orleans1");

    public static async Task<OrleansSight> At(string address, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        var (client, whyNot) = await TcpLook.Connect(address, patience.Token, cancel);
        if (client is null)
            return new OrleansSight(OrleansManners.Unreachable, whyNot);
        using (client)
        {
            await using var seen = new SeenStream(client.GetStream());
            return await Begin(seen, patience.Token, cancel);
        }
    }

    private static async Task<OrleansSight> Begin(SeenStream seen, CancellationToken patience, CancellationToken cancel)
    {
        var asked = false;
        await using var tls = new SslStream(seen, leaveInnerStreamOpen: true);
        try
        {
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = "",
                    ApplicationProtocols = [Orleans],
                    // Whose certificate it shows does not matter to this question.
                    RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null,
                    // Called before the handshake too, and then without the other side's certificate.
                    LocalCertificateSelectionCallback = (_, _, _, remote, _) =>
                    {
                        asked |= remote is not null;
                        return null!;
                    },
                },
                patience);
            // By TLS 1.3 the refusal of a missing certificate comes after the handshake, as the first thing that is read.
            return await tls.ReadAsync(new byte[1], patience) > 0 ? new OrleansSight(OrleansManners.TakesAnyone, "") : Ended(asked, "the connection was closed");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            if (tls.IsAuthenticated)
                return new OrleansSight(OrleansManners.TakesAnyone, "");
            return seen.HasTls ? new OrleansSight(OrleansManners.Unknown, $"it began TLS, and did not go on within {Patience.TotalSeconds} s") : NotTls(seen, $"nothing within {Patience.TotalSeconds} s");
        }
        catch (Exception e) when (e is IOException or AuthenticationException or SocketException)
        {
            return seen.HasTls ? Ended(asked, (e.InnerException ?? e).Message) : NotTls(seen, "nothing, and closed the connection");
        }
    }

    private static OrleansSight Ended(bool asked, string how) =>
        asked ? new OrleansSight(OrleansManners.Asks, "") : new OrleansSight(OrleansManners.Unknown, $"TLS ended before it had asked for a certificate: {how}");

    private static OrleansSight NotTls(SeenStream seen, string otherwise) => new(OrleansManners.Clear, seen.HasAny ? "something else" : otherwise);

    /// <summary>Remembers whether what came first was a TLS record: a type of 20 to 23, and a version that begins with 3 (RFC 8446, section 5.1).</summary>
    private sealed class SeenStream(Stream inner) : Stream
    {
        private readonly List<byte> _first = [];

        public bool HasAny => _first.Count > 0;

        public bool HasTls => _first is [>= 20 and <= 23, 3];

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer, cancellationToken);
            for (var i = 0; i < read && _first.Count < 2; i++)
                _first.Add(buffer.Span[i]);
            return read;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => inner.WriteAsync(buffer, cancellationToken);

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
