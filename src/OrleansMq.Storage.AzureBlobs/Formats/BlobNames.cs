using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Storage.AzureBlobs.Formats;

/// <summary>How blobs are named; docs/formats.md lists them.</summary>
/// <remarks>
/// A name that was used for bytes once is never used for others: pieces carry the incarnation of the log, the epoch of the opening and the manifest's
/// sequence. So a request that was delayed for however long can only meet the blob it was meant for, or none.
/// </remarks>
internal sealed class BlobNames(string prefix)
{
    // Azure takes 1,024 characters.
    private const int LongestPlainKey = 700;

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private readonly string _root = prefix.Length == 0 ? "" : prefix.TrimEnd('/') + "/";

    public string Format => _root + "format";

    public string Log(LogId id) => string.Create(CultureInfo.InvariantCulture, $"{_root}logs/{id.TopicId:N}/{id.Partition}/");

    public string Manifest(LogId id) => Log(id) + "manifest";

    public string Segment(LogId id, ulong incarnation, BlobPiece piece) => Piece(id, incarnation, "segment", piece);

    public string Snapshot(LogId id, ulong incarnation, BlobPiece piece) => Piece(id, incarnation, "snapshot", piece);

    /// <summary>Reads back what <see cref="Segment"/> or <see cref="Snapshot"/> made: which opening made it.</summary>
    public static bool TryParseEpoch(string name, out int epoch)
    {
        epoch = 0;
        var parts = name[(name.LastIndexOf('/') + 1)..].Split('-');
        return parts is ["segment" or "snapshot", _, _, _] && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out epoch);
    }

    /// <summary>The key with everything but letters, digits, dash and underscore escaped as <c>~xx</c>; a hash where that would be too long.</summary>
    public string Document(string key)
    {
        var escaped = new StringBuilder(key.Length + 16);
        var bytes = KeyBytes(key);
        foreach (var b in bytes)
        {
            if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'_')
                escaped.Append((char)b);
            else
                escaped.Append(CultureInfo.InvariantCulture, $"~{b:x2}");
        }
        return escaped.Length <= LongestPlainKey ? $"{_root}documents/d-{escaped}" : $"{_root}documents/h-{Convert.ToHexStringLower(SHA256.HashData(bytes))}";
    }

    /// <exception cref="ArgumentException">The key can't be.</exception>
    public static byte[] KeyBytes(string key)
    {
        const int longest = 1024;
        if (key.Length is 0 or > longest)
            throw new ArgumentException($"A document's key has 1 to {longest} characters, not {key.Length}.");
        try
        {
            return Strict.GetBytes(key);
        }
        catch (EncoderFallbackException)
        {
            throw new ArgumentException("A document's key is text; half a surrogate pair is none.");
        }
    }

    private string Piece(LogId id, ulong incarnation, string kind, BlobPiece piece) =>
        string.Create(CultureInfo.InvariantCulture, $"{Log(id)}{incarnation:x16}/{kind}-{piece.Position:D20}-{piece.Epoch:D10}-{piece.Sequence:D20}");
}

/// <summary>A blob that belongs to a log: a segment or a snapshot, by its first position or the position it describes.</summary>
/// <param name="Epoch">The opening that made it.</param>
/// <param name="Sequence">The manifest's sequence when it was made; 0 where there is no blob yet.</param>
/// <param name="Stored">Of a segment that was rewritten: its bytes, behind which zeros are read up to the next segment. 0: it was not.</param>
internal readonly record struct BlobPiece(long Position, int Epoch, long Sequence, int Stored = 0)
{
    public bool IsMade => Sequence > 0;

    public bool IsRewritten => Stored > 0;
}
