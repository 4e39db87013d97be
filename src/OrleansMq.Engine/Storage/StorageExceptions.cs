namespace OrleansMq.Engine.Storage;

/// <summary>What storage tells its caller; each type asks for another answer.</summary>
public abstract class StorageException(string message, Exception? inner) : Exception(message, inner);

/// <summary>There is no such log here, and none was made.</summary>
public sealed class LogMissingException(string message) : StorageException(message, null);

/// <summary>No space could be reserved. Nothing was written; later calls may succeed.</summary>
public sealed class LogFullException(string message, Exception? inner = null) : StorageException(message, inner);

/// <summary>The medium failed. What was not yet acknowledged has an unknown outcome; this opening is over.</summary>
public sealed class LogFailedException(string message, Exception? inner = null) : StorageException(message, inner);

/// <summary>Another opening holds the log at a higher epoch.</summary>
public sealed class LogFencedException(string message) : StorageException(message, null);

/// <summary>The position lies before the log's start.</summary>
public sealed class LogTrimmedException(string message) : StorageException(message, null);

/// <summary>Bytes that were durable do not read back as written.</summary>
public sealed class LogDamagedException(string message) : StorageException(message, null);

/// <summary>The document's version was not the expected one.</summary>
public sealed class DocumentConflictException(string message) : StorageException(message, null);
