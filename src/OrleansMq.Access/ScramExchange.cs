using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace OrleansMq.Access;

/// <summary>
/// One login by SCRAM, the server's side (RFC 5802, section 5): the client's first message in, the challenge out; the client's proof in, the server's signature out.
/// Each exchange has a nonce of its own, so a message that was recorded is worth nothing in another. Channel binding is not offered, as with Kafka.
/// </summary>
/// <param name="find">The secret of a user; one that no password fits where there is none.</param>
public sealed class ScramExchange(ScramMechanism mechanism, Func<ScramMechanism, string, ScramSecret> find)
{
    private const int MaxMessageBytes = 4_096;
    private const int NonceBytes = 24;

    private string _gs2Header = "", _clientFirstBare = "", _serverFirst = "", _clientNonce = "", _nonce = "", _user = "";
    private ScramSecret? _secret;
    private bool _over;

    /// <summary>Who it said to be, once it has.</summary>
    public string User => _user;

    /// <summary>Set when the proof was right.</summary>
    public Principal? Principal { get; private set; }

    /// <summary>The client's first message in, the challenge out. Null: it can't be read, and the login is over.</summary>
    public byte[]? Challenge(ReadOnlySpan<byte> clientFirst)
    {
        if (_over || _secret is not null || !TryText(clientFirst, out var text))
            return End();
        // gs2-header: cbind-flag "," [authzid] "," — 'n' or 'y', since we offer no channel binding.
        var bareAt = text.IndexOf(',', 2 < text.Length ? 2 : text.Length) + 1;
        if (bareAt == 0 || text[0] is not ('n' or 'y') || text[1] != ',')
            return End();
        _gs2Header = text[..bareAt];
        _clientFirstBare = text[bareAt..];
        var fields = _clientFirstBare.Split(',');
        // Extensions that must be understood begin with m=; there are none that we do.
        if (fields.Length < 2 || Field(fields[0], 'n') is not { } name || Field(fields[1], 'r') is not { Length: > 0 } clientNonce || !TryName(name, out _user))
            return End();
        // Who asks to act as another is refused: a user is itself.
        var authorization = _gs2Header[2..^1];
        if (authorization.Length > 0 && !(Field(authorization, 'a') is { } acting && TryName(acting, out var other) && other == _user))
            return End();
        _secret = find(mechanism, _user);
        _clientNonce = clientNonce;
        _nonce = clientNonce + Convert.ToBase64String(RandomNumberGenerator.GetBytes(NonceBytes));
        _serverFirst = string.Create(CultureInfo.InvariantCulture, $"r={_nonce},s={Convert.ToBase64String(_secret.Salt)},i={_secret.Iterations}");
        return Encoding.UTF8.GetBytes(_serverFirst);
    }

    /// <summary>The client's proof in, the server's signature out. Null: the proof is wrong or can't be read, which of them is not told; the login is over.</summary>
    public byte[]? Finish(ReadOnlySpan<byte> clientFinal)
    {
        if (_over || _secret is null || !TryText(clientFinal, out var text))
            return End();
        _over = true;
        var proofAt = text.LastIndexOf(",p=", StringComparison.Ordinal);
        if (proofAt < 0)
            return null;
        var withoutProof = text[..proofAt];
        var fields = withoutProof.Split(',');
        var keyBytes = ScramSecret.KeyBytes(mechanism);
        var proof = new byte[keyBytes];
        if (fields.Length < 2
            || Field(fields[0], 'c') != Convert.ToBase64String(Encoding.UTF8.GetBytes(_gs2Header))
            || Field(fields[1], 'r') is not { } nonce || (nonce != _nonce && nonce != _clientNonce + _nonce)
            || !Convert.TryFromBase64String(text[(proofAt + 3)..], proof, out var length) || length != keyBytes)
        {
            return null;
        }
        // (librdkafka 2.0.2, and so Debian's kcat, puts its own nonce in front a second time, as Kafka lets it. The proof is of the message as it came and of our nonce with it.)
        // ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage), and H(ClientKey) has to be StoredKey.
        var authMessage = Encoding.UTF8.GetBytes($"{_clientFirstBare},{_serverFirst},{withoutProof}");
        var signature = ScramSecret.Hmac(mechanism, _secret.StoredKey, authMessage);
        for (var i = 0; i < keyBytes; i++)
            proof[i] ^= signature[i];
        if (!CryptographicOperations.FixedTimeEquals(ScramSecret.Hash(mechanism, proof), _secret.StoredKey))
            return null;
        Principal = new Principal(_user);
        return Encoding.UTF8.GetBytes("v=" + Convert.ToBase64String(ScramSecret.Hmac(mechanism, _secret.ServerKey, authMessage)));
    }

    private byte[]? End()
    {
        _over = true;
        return null;
    }

    private static string? Field(string field, char name) => field.Length >= 2 && field[0] == name && field[1] == '=' ? field[2..] : null;

    /// <summary>A name has its commas and equals signs as <c>=2C</c> and <c>=3D</c>.</summary>
    private static bool TryName(string escaped, out string name)
    {
        name = escaped.Replace("=2C", ",", StringComparison.Ordinal).Replace("=3D", "=", StringComparison.Ordinal);
        return name.Length is > 0 and <= UserNameRule.MaxLength;
    }

    private static bool TryText(ReadOnlySpan<byte> bytes, out string text)
    {
        text = "";
        if (bytes.Length is 0 or > MaxMessageBytes)
            return false;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
