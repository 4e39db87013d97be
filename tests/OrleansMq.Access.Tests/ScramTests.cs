using System.Security.Cryptography;
using System.Text;

namespace OrleansMq.Access.Tests;

public sealed class ScramTests
{
    // RFC 7677, section 3: user "user", password "pencil".
    private static readonly byte[] Salt = Convert.FromBase64String("W22ZaJ0SNY7soEsUEjb6gQ==");

    [Fact]
    public void TheKeysAreThoseOfTheRfc()
    {
        var secret = ScramSecret.Of(ScramMechanism.Sha256, "pencil", Salt, 4096);
        const string authMessage = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
            + "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

        var signature = HMACSHA256.HashData(secret.ServerKey, Encoding.UTF8.GetBytes(authMessage));

        Assert.Equal("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", Convert.ToBase64String(signature));
    }

    [Theory]
    [InlineData(ScramMechanism.Sha256)]
    [InlineData(ScramMechanism.Sha512)]
    public async Task ARightProofComesInAndLearnsThatTheServerKnowsThePasswordToo(ScramMechanism mechanism)
    {
        await using var control = await Some.ControlWithAnna();
        var exchange = control.BeginScram(mechanism);
        var client = new ScramClient(mechanism, "anna", Some.Password);

        var proof = client.Prove(exchange.Challenge(client.First)!);
        var signature = exchange.Finish(proof);

        Assert.Equal("anna", exchange.Principal?.Name);
        Assert.Equal(client.Expected, Encoding.UTF8.GetString(signature!));
    }

    [Theory]
    [InlineData(Some.Password, true)]
    [InlineData("wrong password", false)]
    public async Task AClientThatSaysItsNonceTwiceComesInByItsProofAlone(string password, bool comesIn)
    {
        await using var control = await Some.ControlWithAnna();
        var exchange = control.BeginScram(ScramMechanism.Sha256);
        var client = new ScramClient(ScramMechanism.Sha256, "anna", password, noncesTwice: true);

        var signature = exchange.Finish(client.Prove(exchange.Challenge(client.First)!));

        Assert.Equal(comesIn ? client.Expected : null, signature is null ? null : Encoding.UTF8.GetString(signature));
        Assert.Equal(comesIn, exchange.Principal is not null);
    }

    [Theory]
    [InlineData("anna", "wrong password")]
    [InlineData("nobody", Some.Password)]
    public async Task AWrongNameAndAWrongPasswordAreAnsweredAlike(string user, string password)
    {
        await using var control = await Some.ControlWithAnna();
        var exchange = control.BeginScram(ScramMechanism.Sha256);
        var client = new ScramClient(ScramMechanism.Sha256, user, password);

        Assert.Null(exchange.Finish(client.Prove(exchange.Challenge(client.First)!)));
        Assert.Null(exchange.Principal);
    }

    [Fact]
    public async Task ANameThatNobodyHasAlwaysHasTheSameSaltAlsoAfterAStart()
    {
        var store = new MemoryStore();
        string first;
        await using (var control = await Some.Control(store))
            first = Convert.ToBase64String(control.FindSecret(ScramMechanism.Sha256, "nobody").Salt);

        await using var again = await AccessControl.Start(store);

        Assert.Equal(first, Convert.ToBase64String(again.FindSecret(ScramMechanism.Sha256, "nobody").Salt));
        Assert.NotEqual(first, Convert.ToBase64String(again.FindSecret(ScramMechanism.Sha256, "somebody").Salt));
        Assert.Equal(ScramSecret.SaltBytes, again.FindSecret(ScramMechanism.Sha256, "nobody").Salt.Length);
    }

    [Fact]
    public async Task ARecordedProofIsWorthNothingInAnotherExchange()
    {
        await using var control = await Some.ControlWithAnna();
        var exchange = control.BeginScram(ScramMechanism.Sha256);
        var client = new ScramClient(ScramMechanism.Sha256, "anna", Some.Password);
        var proof = client.Prove(exchange.Challenge(client.First)!);
        Assert.NotNull(exchange.Finish(proof));

        Assert.Null(exchange.Finish(proof));
        var other = control.BeginScram(ScramMechanism.Sha256);
        other.Challenge(client.First);
        Assert.Null(other.Finish(proof));
        Assert.Null(other.Principal);
        Assert.Null(control.BeginScram(ScramMechanism.Sha256).Finish(proof));
    }

    [Theory]
    [InlineData("")]
    [InlineData("n,,")]
    [InlineData("n,,n=anna")]
    [InlineData("n,,r=abc")]
    [InlineData("n,,m=ext,n=anna,r=abc")]
    [InlineData("p=tls-unique,,n=anna,r=abc")]
    [InlineData("n,a=admin,n=anna,r=abc")]
    [InlineData("n,,n=,r=abc")]
    [InlineData("n,,n=anna,r=")]
    [InlineData("n")]
    [InlineData(",")]
    [InlineData("y,,")]
    public async Task AFirstMessageThatIsNoneEndsTheLogin(string message)
    {
        await using var control = await Some.ControlWithAnna();
        var exchange = control.BeginScram(ScramMechanism.Sha256);

        Assert.Null(exchange.Challenge(Encoding.UTF8.GetBytes(message)));
        Assert.Null(exchange.Challenge("n,,n=anna,r=abc"u8));
    }

    /// <summary>MQ_FUZZ_FRAMES=10000000 is the long run.</summary>
    [Fact]
    public async Task MutatedMessagesNeverComeInAndNeverThrow()
    {
        await using var control = await Some.ControlWithAnna();
        var random = new Random(1);
        var rounds = int.TryParse(Environment.GetEnvironmentVariable("MQ_FUZZ_FRAMES"), out var many) ? many : 20_000;
        for (var round = 0; round < rounds; round++)
        {
            var exchange = control.BeginScram(ScramMechanism.Sha256);
            var client = new ScramClient(ScramMechanism.Sha256, "anna", "wrong password", fast: true);
            if (exchange.Challenge(round % 2 == 0 ? client.First : Mutate(client.First, random)) is { } challenge)
                exchange.Finish(Mutate(client.Prove(challenge), random));
            Assert.Null(exchange.Principal);
        }
    }

    /// <summary>Cut off somewhere as well.</summary>
    private static byte[] Mutate(byte[] message, Random random) => ScramClient.Mutate(message, random)[..random.Next(1, message.Length + 1)];
}
