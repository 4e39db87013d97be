namespace OrleansMq.Webhooks;

/// <summary>Where webhooks that were registered with the broker are kept: one document with a version, in clear, for secrets in it sign.</summary>
public interface IWebhookStore
{
    /// <returns>Null: nothing is stored yet.</returns>
    ValueTask<StoredWebhooks?> Load(CancellationToken cancel = default);

    /// <summary>Writes durably if the version is still <paramref name="expectedVersion"/> (0: if there is nothing).</summary>
    /// <returns>The new version; null where somebody else wrote first.</returns>
    ValueTask<long?> Save(ReadOnlyMemory<byte> bytes, long expectedVersion, CancellationToken cancel = default);
}

public sealed record StoredWebhooks(ReadOnlyMemory<byte> Bytes, long Version);
