using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace OrleansMq;

/// <summary>How <see cref="HttpBroker"/> speaks to the broker.</summary>
public sealed record HttpBrokerOptions
{
    /// <summary>For the answer to a request, beyond the time that the request itself may wait. 30 s; afterwards its outcome is unknown.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For a connection to be made. 5 s; afterwards the partition is unavailable, and nothing was sent.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>An unused connection is closed after it. 60 s: well below the gateway's 130, so that no request meets a closing connection.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Connections at once, one for each request in flight; further requests wait for one. 1,024.</summary>
    public int MaxConnections { get; init; } = 1_024;

    /// <summary>How often a receive whose answer was lost is asked again under its request id, which costs no message. 3.</summary>
    public int ReceiveAttempts { get; init; } = 3;

    /// <summary>Go through the system's proxy. Off: a broker stands in the same network.</summary>
    public bool UseProxy { get; init; }

    /// <summary>Who asks. Null: nobody is named, or the certificate says it.</summary>
    public HttpCredential? Credential { get; init; }

    /// <summary>Send a <see cref="Credential"/> over http:// to another machine too, where everybody on the way can read it. Off: that is refused.</summary>
    public bool AllowCredentialInClearText { get; init; }

    /// <summary>The roots to trust instead of this machine's own, for a broker whose certificate is of one's own making.</summary>
    public X509Certificate2Collection? Roots { get; init; }

    /// <summary>With its key, for a broker that asks its clients for a certificate.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <exception cref="ArgumentException">An option that can't hold; its name is in the text.</exception>
    public void Validate()
    {
        Require(RequestTimeout > TimeSpan.Zero, nameof(RequestTimeout), RequestTimeout);
        Require(ConnectTimeout > TimeSpan.Zero, nameof(ConnectTimeout), ConnectTimeout);
        Require(IdleTimeout > TimeSpan.Zero, nameof(IdleTimeout), IdleTimeout);
        Require(MaxConnections > 0, nameof(MaxConnections), MaxConnections);
        Require(ReceiveAttempts > 0, nameof(ReceiveAttempts), ReceiveAttempts);
    }

    private static void Require(bool holds, string name, object value)
    {
        if (!holds)
            throw new ArgumentException($"{name} is {value}; it has to be above 0.");
    }
}

/// <summary>What a client shows to say who it is. Never printed.</summary>
public sealed class HttpCredential
{
    private HttpCredential(AuthenticationHeaderValue header) => Header = header;

    internal AuthenticationHeaderValue Header { get; }

    public static HttpCredential OfPassword(string user, string password) =>
        new(new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))));

    public static HttpCredential OfToken(string token) => new(new AuthenticationHeaderValue("Bearer", token));

    public override string ToString() => $"{Header.Scheme} ***";
}
