using OrleansMq.Engine.Storage;

namespace OrleansMq.Storage.Files;

/// <summary>The data folder can't be used by this process: held by another, of a newer version, or not to be read.</summary>
public sealed class DataFolderException(string message, Exception? inner = null) : StorageException(message, inner);
