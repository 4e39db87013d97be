using System.Globalization;

namespace OrleansMq.Engine.Storage.Configured;

/// <summary>Settings of a storage by name, whatever they were read from. Case does not matter; what nobody asks for is no setting.</summary>
/// <param name="path">Where they stand, for messages: <c>OrleansMq:Storage</c>.</param>
public sealed class StorageSettings(string path, IEnumerable<KeyValuePair<string, string?>> settings)
{
    // What has a value: sections without one are only on the way to others.
    private readonly Dictionary<string, string> _values =
        settings.Where(setting => setting.Value is not null).ToDictionary(setting => setting.Key, setting => setting.Value!, StringComparer.OrdinalIgnoreCase);

    private readonly List<string> _known = [];

    public string Path => path;

    /// <returns>Null if it is not given, or empty.</returns>
    public string? Text(string name)
    {
        _known.Add(name);
        return _values.GetValueOrDefault(name) is { Length: > 0 } value ? value : null;
    }

    /// <exception cref="FormatException">It is not given.</exception>
    public string Required(string name) => Text(name) ?? throw new FormatException($"{path}:{name} is missing.");

    /// <exception cref="FormatException">It is no whole number.</exception>
    public long? Number(string name)
    {
        if (Text(name) is not { } text)
            return null;
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw new FormatException($"{path}:{name} is '{text}'; a whole number.");
    }

    /// <exception cref="FormatException">It is no whole number, or far too large.</exception>
    public int? SmallNumber(string name) =>
        Number(name) is not { } number ? null : number is >= int.MinValue and <= int.MaxValue ? (int)number : throw new FormatException($"{path}:{name} is {number}; at most {int.MaxValue}.");

    /// <exception cref="FormatException">It is neither true nor false.</exception>
    public bool? Flag(string name)
    {
        if (Text(name) is not { } text)
            return null;
        return bool.TryParse(text, out var flag) ? flag : throw new FormatException($"{path}:{name} is '{text}'; true or false.");
    }

    /// <exception cref="FormatException">It is no time span.</exception>
    public TimeSpan? Time(string name)
    {
        if (Text(name) is not { } text)
            return null;
        return TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var time) ? time : throw new FormatException($"{path}:{name} is '{text}'; a time such as 00:00:10.");
    }

    /// <exception cref="FormatException">Something is given that nobody asked for.</exception>
    public void RefuseOthers()
    {
        if (_values.Keys.FirstOrDefault(name => !_known.Contains(name, StringComparer.OrdinalIgnoreCase)) is { } unknown)
            throw new FormatException($"{path}:{unknown} is no setting of this storage; it has {string.Join(", ", _known)}.");
    }
}
