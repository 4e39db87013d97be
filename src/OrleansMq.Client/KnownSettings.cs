using Microsoft.Extensions.Configuration;

namespace OrleansMq;

/// <summary>The framework binds what it knows and passes over the rest: a mistyped name would leave its default standing.</summary>
internal static class KnownSettings
{
    /// <param name="beside">Sections that others read.</param>
    /// <exception cref="OrleansConfigurationException">A name is no setting of <typeparamref name="T"/>, or of an object of settings that it has.</exception>
    public static void Check<T>(IConfiguration section, params string[] beside) => Check(typeof(T), section, beside);

    private static void Check(Type options, IConfiguration section, string[] beside)
    {
        var known = options.GetProperties().Where(property => property.CanWrite && property.PropertyType != typeof(TimeProvider)).ToList();
        foreach (var setting in section.GetChildren().Where(setting => !beside.Contains(setting.Key, StringComparer.OrdinalIgnoreCase)))
        {
            var property = known.Find(property => property.Name.Equals(setting.Key, StringComparison.OrdinalIgnoreCase))
                ?? throw new OrleansConfigurationException($"{setting.Path} is no setting; there are {string.Join(", ", known.Select(property => property.Name).Union(beside).Order(StringComparer.Ordinal))}.");
            if (HasSettings(property.PropertyType))
                CheckObject(property.PropertyType, setting);
        }
    }

    private static void CheckObject(Type options, IConfigurationSection section)
    {
        if (!string.IsNullOrEmpty(section.Value))
            throw new OrleansConfigurationException($"{section.Path} is '{section.Value}', and has settings of its own below it.");
        Check(options, section, []);
    }

    private static bool HasSettings(Type type) => type.IsClass && type.GetConstructor(Type.EmptyTypes) is not null;
}
