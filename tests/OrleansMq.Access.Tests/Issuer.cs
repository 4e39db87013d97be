using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OrleansMq.Access.Tests;

/// <summary>An OpenID provider on loopback: its description, its keys, and tokens signed with them.</summary>
internal sealed class Issuer : IDisposable
{
    public const string Audience = "orleansmq";

    private static readonly JsonSerializerOptions WithoutNulls = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    private readonly HttpListener _listener = new();
    private readonly RSA _key = RSA.Create(2048);

    public Issuer()
    {
        using (var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Address = new Uri($"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/");
        }
        _listener.Prefixes.Add(Address.ToString());
        _listener.Start();
        _ = Serve();
    }

    public Uri Address { get; }

    public string Name => Address.ToString().TrimEnd('/');

    /// <summary>A token that is good, unless it is changed.</summary>
    public string Token(string subject = "anna", string[]? groups = null, string? issuer = null, string audience = Audience, TimeSpan? lasts = null, RSA? key = null, string algorithm = "RS256", object? tenant = null)
    {
        var now = DateTimeOffset.UtcNow;
        var head = Part(new { alg = algorithm, kid = "k1", typ = "JWT" });
        var body = Part(new { iss = issuer ?? Name, aud = audience, sub = subject, groups = groups ?? [], tenant, nbf = now.AddHours(-2).ToUnixTimeSeconds(), exp = (now + (lasts ?? TimeSpan.FromMinutes(5))).ToUnixTimeSeconds() });
        var signed = Encoding.ASCII.GetBytes($"{head}.{body}");
        var signature = algorithm switch
        {
            "none" => [],
            // The public key as if it were a shared secret: the oldest trick there is.
            "HS256" => HMACSHA256.HashData(Encoding.ASCII.GetBytes(_key.ExportSubjectPublicKeyInfoPem()), signed),
            _ => (key ?? _key).SignData(signed, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        };
        return $"{head}.{body}.{Base64Url.EncodeToString(signature)}";
    }

    public void Dispose()
    {
        _listener.Close();
        _key.Dispose();
    }

    private static string Part(object value) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(value, WithoutNulls));

    private async Task Serve()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                var key = _key.ExportParameters(false);
                object answer = context.Request.Url!.AbsolutePath == "/keys"
                    ? new { keys = new[] { new { kty = "RSA", use = "sig", kid = "k1", n = Base64Url.EncodeToString(key.Modulus), e = Base64Url.EncodeToString(key.Exponent) } } }
                    : new { issuer = Name, jwks_uri = $"{Name}/keys" };
                context.Response.ContentType = "application/json";
                context.Response.Close(JsonSerializer.SerializeToUtf8Bytes(answer), willBlock: false);
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
        {
            // Closed.
        }
    }
}
