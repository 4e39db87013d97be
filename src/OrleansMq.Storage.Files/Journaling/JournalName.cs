using System.Globalization;

namespace OrleansMq.Storage.Files.Journaling;

/// <summary>A journal's file: its number, and the salt of its batches.</summary>
internal sealed record JournalName(int Number, ulong Salt)
{
    private const string Ending = ".jnl";
    private const int Length = 8 + 1 + 16;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number:D8}-{Salt:x16}{Ending}");

    public static JournalName? TryParse(string name) =>
        name.Length == Length + Ending.Length && name.EndsWith(Ending, StringComparison.Ordinal) && name[8] == '-'
        && int.TryParse(name.AsSpan(0, 8), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && ulong.TryParse(name.AsSpan(9, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var salt)
            ? new JournalName(number, salt)
            : null;
}
