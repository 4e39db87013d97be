using System.Text.Json;

namespace OrleansMq.Silo;

/// <summary>Gathers settings: <c>appsettings.json</c> in the working directory, then the environment, then the command line, each over the one before.</summary>
public static class SettingSources
{
    public const string File = "appsettings.json";
    public const string Prefix = "ORLEANSMQ_";

    // Sections of appsettings.json that belong to the framework.
    private static readonly string[] FrameworkSections = ["Logging"];

    /// <param name="file">The text of appsettings.json, null where there is none.</param>
    /// <param name="warn">Told of what looks like a setting and is none.</param>
    /// <exception cref="SettingException">A switch that is none, or has no value; a file that can't be read.</exception>
    public static IReadOnlyDictionary<string, Setting> Gather(
        string? file, IEnumerable<KeyValuePair<string, string>> environment, IReadOnlyList<string> arguments, Action<string> warn)
    {
        var settings = new Dictionary<string, Setting>();
        if (file is not null)
            AddFile(settings, file);
        AddEnvironment(settings, environment, warn);
        AddArguments(settings, arguments);
        return settings;
    }

    private static void AddFile(Dictionary<string, Setting> settings, string file)
    {
        try
        {
            using var document = JsonDocument.Parse(file, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new SettingException($"{File} is not an object.");
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (FrameworkSections.Contains(property.Name))
                    continue;
                var from = $"{File}: {property.Name}";
                if (property.Value.ValueKind is JsonValueKind.Object or JsonValueKind.Array or JsonValueKind.Null)
                    throw new SettingException($"{from} is no setting of orleansmq; see --help.");
                settings[property.Name] = new Setting(property.Value.ToString(), from);
            }
        }
        catch (JsonException e)
        {
            throw new SettingException($"{File} is not JSON: {e.Message}");
        }
    }

    // Not refused where unknown: Kubernetes sets ORLEANSMQ_PORT and its like for a service of that name.
    private static void AddEnvironment(Dictionary<string, Setting> settings, IEnumerable<KeyValuePair<string, string>> environment, Action<string> warn)
    {
        foreach (var (name, value) in environment)
        {
            if (!name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
                continue;
            var known = name[Prefix.Length..].Replace('_', '-').ToLowerInvariant();
            if (SiloOptions.Names.Contains(known))
                settings[known] = new Setting(value, name);
            else
                warn($"{name} is in the environment and is no setting of orleansmq.");
        }
    }

    private static void AddArguments(Dictionary<string, Setting> settings, IReadOnlyList<string> arguments)
    {
        var seen = new HashSet<string>();
        for (var i = 0; i < arguments.Count; i++)
        {
            var argument = arguments[i];
            if (!argument.StartsWith("--", StringComparison.Ordinal))
                throw new SettingException($"'{argument}' is no switch of orleansmq; see --help.");
            var equals = argument.IndexOf('=', StringComparison.Ordinal);
            var given = equals < 0 ? argument : argument[..equals];
            var name = given[2..];
            if (!SiloOptions.Names.Contains(name))
                throw new SettingException($"{given} is no switch of orleansmq; see --help.");
            if (!seen.Add(name))
                throw new SettingException($"{given} stands there twice.");
            settings[name] = new Setting(equals >= 0 ? argument[(equals + 1)..] : ValueAfter(arguments, name, given, ref i), given);
        }
    }

    private static string ValueAfter(IReadOnlyList<string> arguments, string name, string given, ref int i)
    {
        var next = i + 1 < arguments.Count ? arguments[i + 1] : null;
        if (SiloOptions.Flags.Contains(name) && next is not ("true" or "false"))
            return "true";
        if (next is null || next.StartsWith("--", StringComparison.Ordinal))
            throw new SettingException($"{given} has no value.");
        i++;
        return next;
    }
}
