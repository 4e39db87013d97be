using System.Security.Cryptography;
using System.Text;

namespace OrleansMq;

/// <summary>The name under which transactions are made. Kafka's clients put anything into it; documents are named by <see cref="Key"/>.</summary>
public readonly record struct TransactionalId
{
    public const int MaxBytes = 1_024;

    private const string HashedPrefix = "sha256.";

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>.</exception>
    public TransactionalId(string text)
    {
        if (text.Length == 0 || Encoding.UTF8.GetByteCount(text) > MaxBytes)
            throw new MqException(ErrorCodes.Malformed, $"A transactional id has 1 to {MaxBytes} bytes.");
        Text = text;
    }

    public string Text { get; }

    /// <summary>A valid name: the id itself where it is one, else its digest.</summary>
    public string Key => NameRule.IsValid(Text) && !Text.StartsWith(HashedPrefix, StringComparison.Ordinal)
        ? Text
        : HashedPrefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Text)));

    public override string ToString() => Text;
}
