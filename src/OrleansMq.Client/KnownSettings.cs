using Microsoft.Extensions.Configuration;

namespace OrleansMq;

/// <summary>The framework binds what it knows and passes over the rest: a mistyped name would leave its default standing.</summary>
internal static class KnownSettings
{
    /// <param name="beside">Sections that others read.</param>
    /// <exception cref="OrleansConfigurationException">A name is no setting of <typeparamref name="T"/>.</exception>
    public static void Check<T>(IConfiguration section, params string[] beside)
    {
        string[] known = [.. typeof(T).GetProperties().Where(property => property.CanWrite && property.PropertyType != typeof(TimeProvider)).Select(property => property.Name), .. beside];
        foreach (var setting in section.GetChildren())
            if (!known.Contains(setting.Key, StringComparer.OrdinalIgnoreCase))
                throw new OrleansConfigurationException($"{setting.Path} is no setting; there are {string.Join(", ", known.Distinct().Order(StringComparer.Ordinal))}.");
    }
}
