using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace OrleansMq.Access;

/// <summary>Checks a name and password as they come with HTTP's basic scheme or SASL PLAIN.</summary>
/// <remarks>
/// A wrong password costs one whole derivation, and so does a name that nobody has, so that time does not tell them apart. A pair that was right
/// is remembered by a keyed hash until the user's secret changes, so that a request costs a hash and not a derivation.
/// </remarks>
internal sealed class PasswordCheck(Func<AccessState> state)
{
    private const ScramMechanism Mechanism = ScramMechanism.Sha512;
    private const int MaxRemembered = 10_000;

    // A derivation holds a core for milliseconds: strangers may have some of them at a time, and a queue that is short.
    private static readonly int AtOnce = Math.Max(1, Environment.ProcessorCount / 2);
    private const int MaxWaiting = 64;

    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<string, ScramSecret> _right = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _turns = new(AtOnce);
    private int _waiting;
    private long _derivations;

    /// <summary>Derivations made so far.</summary>
    public long Derivations => Interlocked.Read(ref _derivations);

    /// <returns>Null: there is no such user, the password is another, or the user is disabled; which of them is not told.</returns>
    /// <exception cref="MqException"><see cref="ErrorCodes.Overloaded"/>: too many are being checked.</exception>
    public async ValueTask<Principal?> Check(string name, string password, CancellationToken cancel)
    {
        var now = state();
        now.Users.TryGetValue(name, out var user);
        var secret = user?.SecretFor(Mechanism) ?? ScramSecret.OfNobody(Mechanism, name, now.Seed);
        if (name.Length > UserNameRule.MaxLength || password.Length > AccessUser.MaxPasswordChars)
            password = "";
        var mark = MarkOf(name, password);
        if (!(_right.TryGetValue(mark, out var known) && known.IsSame(secret)))
        {
            if (!await Derive(secret, password, cancel) || user is null)
                return null;
            if (_right.Count >= MaxRemembered)
                _right.Clear();
            // Of one that is disabled nothing is remembered: a quick answer would tell that the pair is right.
            if (!user.Disabled)
                _right[mark] = secret;
        }
        return user is { Disabled: false } ? new Principal(name) : null;
    }

    private async ValueTask<bool> Derive(ScramSecret secret, string password, CancellationToken cancel)
    {
        if (Interlocked.Increment(ref _waiting) > MaxWaiting)
        {
            Interlocked.Decrement(ref _waiting);
            throw new MqException(ErrorCodes.Overloaded, "Too many passwords are being checked.", TimeSpan.FromSeconds(1));
        }
        try
        {
            await _turns.WaitAsync(cancel);
            try
            {
                Interlocked.Increment(ref _derivations);
                return await Task.Run(() => secret.IsOf(password), cancel);
            }
            finally
            {
                _turns.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private string MarkOf(string name, string password) => Convert.ToBase64String(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{name}\0{password}")));
}
