using System.Globalization;
using System.Text.RegularExpressions;

namespace OrleansMq.House.Tests;

/// <summary>A member of an enum marked <c>// frozen</c>; no value where the source gives none as a plain number.</summary>
internal sealed record FrozenMember(string Name, long? Value)
{
    /// <summary>As it stands in <c>frozen/*.txt</c>.</summary>
    public string Line => $"{Name}={Value?.ToString(CultureInfo.InvariantCulture) ?? "?"}";
}

/// <summary>
/// Numbers that are written to disk or sent to others are explicit and only ever added. An enum of such numbers has the line
/// <c>// frozen</c> above it, and each of its members has a line <c>Namespace.Enum.Member=Value</c> in <c>frozen/*.txt</c>.
/// A line there is never changed nor removed; a number that is no longer written keeps its member.
/// </summary>
internal static class FrozenNumbers
{
    // Takes the place of the mark while the comments are blanked.
    private const string Mark = "\u00a7frozen";

    private static readonly Regex MarkLine = new(@"^[ \t]*// frozen[ \t]*\r?$", RegexOptions.Multiline);

    private static readonly Regex Namespace = new(@"\bnamespace\s+([\w.]+)");

    private static readonly Regex MarkedEnum = new(Mark + @"\s*(?:\[[^\]]*\]\s*)*(?:public|internal|private|protected)?\s*enum\s+(\w+)[^{]*\{([^}]*)\}");

    private static readonly Regex Member = new(@"^(?:\[[^\]]*\]\s*)*(\w+)\s*(?:=\s*(.+))?$", RegexOptions.Singleline);

    public static IEnumerable<FrozenMember> Parse(SourceFile file)
    {
        var code = (file with { Text = MarkLine.Replace(file.Text, Mark) }).Code;
        var prefix = Namespace.Match(code) is { Success: true } found ? found.Groups[1].Value + "." : "";
        return
            from Match type in MarkedEnum.Matches(code)
            from text in type.Groups[2].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            let member = Member.Match(text)
            select new FrozenMember($"{prefix}{type.Groups[1].Value}.{member.Groups[1].Value}", Number(member.Groups[2].Value));
    }

    /// <summary>Marks that <see cref="Parse"/> found no enum under: they would protect nothing.</summary>
    public static IEnumerable<string> CheckMarks(SourceFile file)
    {
        var code = (file with { Text = MarkLine.Replace(file.Text, Mark) }).Code;
        var stray = MarkLine.Count(file.Text) - MarkedEnum.Count(code);
        return stray == 0 ? [] : [$"{file.Path}: {stray} '// frozen' without an enum below."];
    }

    public static IEnumerable<string> Check(IReadOnlyCollection<string> frozen, IReadOnlyCollection<FrozenMember> members)
    {
        var lines = frozen.Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#').ToList();
        return members.Where(member => member.Value is null).Select(member => $"{member.Name} is frozen, and has no plain number.")
            .Concat(lines.Except(members.Select(member => member.Line)).Select(line => $"{line} is frozen, and the source no longer says so."))
            .Concat(members.Where(member => member.Value is not null).Select(member => member.Line).Except(lines)
                .Select(line => $"{line} is new or changed: if new, add the line to tests/OrleansMq.House.Tests/frozen."))
            .Concat(members.GroupBy(member => (member.Name[..member.Name.LastIndexOf('.')], member.Value))
                .Where(same => same.Key.Value is not null && same.Count() > 1)
                .Select(same => $"One number, two names: {string.Join(" and ", same.Select(member => member.Line))}."));
    }

    private static long? Number(string text)
    {
        var digits = text.Trim().Replace("_", "", StringComparison.Ordinal);
        if (digits.Split("<<", StringSplitOptions.TrimEntries) is [var one, var by])
        {
            return Number(one) << (int?)Number(by);
        }

        return digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? long.TryParse(digits.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex) ? hex : null
            : long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var plain) ? plain : null;
    }
}
