using System.Text;

namespace OrleansMq;

/// <summary>Writes filters of headers that are to be equal: the short form of <see cref="GroupSettings.Filter"/> and <see cref="ReadRequest.Filter"/>.</summary>
public static class HeaderFilter
{
    /// <summary><c>"type" = 'order' AND "region" = 'eu'</c></summary>
    public static string AllOf(params IEnumerable<KeyValuePair<string, string>> headers)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in headers)
            text.Append(text.Length == 0 ? "" : " AND ").Append(Quoted(name, '"')).Append(" = ").Append(Quoted(value, '\''));
        return text.ToString();
    }

    /// <summary>The header has this value.</summary>
    public static string Of(string name, string value) => AllOf(KeyValuePair.Create(name, value));

    private static string Quoted(string text, char quote) => quote + text.Replace($"{quote}", $"{quote}{quote}", StringComparison.Ordinal) + quote;
}
