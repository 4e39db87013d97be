namespace OrleansMq.Engine.Storage.Configured;

/// <summary>Says that this assembly has a storage that a configuration may name.</summary>
/// <param name="kind">The name, as in <c>"ProviderType": "Blobs"</c>; case does not matter.</param>
/// <param name="provider">An <see cref="IStorageProvider"/> with a constructor that takes nothing.</param>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
public sealed class StorageProviderAttribute(string kind, Type provider) : Attribute
{
    public string Kind => kind;

    public Type Provider => provider;
}

/// <summary>Opens one kind of storage by its settings.</summary>
public interface IStorageProvider
{
    /// <param name="report">Told what the storage found and put right.</param>
    /// <exception cref="FormatException">A setting is missing, unknown or can't be.</exception>
    /// <exception cref="ArgumentException">The same, as the storage's own options say it.</exception>
    ValueTask<IStorage> Open(StorageSettings settings, Action<string> report);
}
