using System.Security.Cryptography;
using System.Text;

namespace OrleansMq.Access.Tests;

/// <summary>The client's side of RFC 5802, by the RFC's formulas.</summary>
/// <param name="noncesTwice">As librdkafka 2.0.2.</param>
/// <param name="fast">A proof that is none, without the derivation.</param>
internal sealed class ScramClient(ScramMechanism mechanism, string user, string password, bool fast = false, bool noncesTwice = false)
{
    private readonly string _nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(18));

    private string Bare => $"n={user},r={_nonce}";

    public byte[] First => Encoding.UTF8.GetBytes($"n,,{Bare}");

    /// <summary>What the server's last message has to be.</summary>
    public string Expected { get; private set; } = "";

    /// <summary>A message with up to three bytes changed.</summary>
    public static byte[] Mutate(byte[] message, Random random)
    {
        var mutated = (byte[])message.Clone();
        for (var i = random.Next(1, 4); i > 0; i--)
            mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
        return mutated;
    }

    public byte[] Prove(byte[] challenge)
    {
        var text = Encoding.UTF8.GetString(challenge);
        var parts = text.Split(',');
        var (nonce, salt, iterations) = (parts[0][2..], Convert.FromBase64String(parts[1][2..]), int.Parse(parts[2][2..], System.Globalization.CultureInfo.InvariantCulture));
        var withoutProof = noncesTwice ? $"c=biws,r={_nonce}{nonce}" : $"c=biws,r={nonce}";
        var message = Encoding.UTF8.GetBytes($"{Bare},{text},{withoutProof}");
        var salted = fast ? new byte[ScramSecret.KeyBytes(mechanism)] : ScramSecret.Salted(mechanism, password, salt, iterations);
        var clientKey = ScramSecret.Hmac(mechanism, salted, "Client Key"u8);
        var signature = ScramSecret.Hmac(mechanism, ScramSecret.Hash(mechanism, clientKey), message);
        Expected = "v=" + Convert.ToBase64String(ScramSecret.Hmac(mechanism, ScramSecret.Hmac(mechanism, salted, "Server Key"u8), message));
        return Encoding.UTF8.GetBytes($"{withoutProof},p={Convert.ToBase64String([.. clientKey.Zip(signature, (a, b) => (byte)(a ^ b))])}");
    }
}
