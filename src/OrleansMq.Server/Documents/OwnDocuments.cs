using Orleans.Storage;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Server.Documents;

/// <summary>
/// The document port over a grain's own state, so that what the engine keeps in documents lies in whatever grain storage the silo has. All documents of a grain are
/// written together; the grain storage's ETag sees that a second activation of the grain writes nothing over the first's.
/// </summary>
/// <param name="state">Read already.</param>
/// <param name="leave">Ends this activation: what it believes is not what is stored.</param>
internal sealed class OwnDocuments(IPersistentState<DocumentShelf> state, Action leave) : IDocuments
{
    private readonly SemaphoreSlim _gate = new(1);
    private bool _over;

    /// <exception cref="MqException">A write failed: what is in memory may not be what is stored.</exception>
    public ValueTask<Document?> Get(string key) => _over
        ? throw new MqException(ErrorCodes.PartitionUnavailable, $"'{key}' is read again by the next activation.", TimeSpan.FromMilliseconds(100))
        : new(state.State.Documents.TryGetValue(key, out var found) ? new Document(found.Bytes, found.Version) : null);

    public async ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion)
    {
        await _gate.WaitAsync();
        try
        {
            CheckVersion(key, expectedVersion);
            // Also behind a shelf that was emptied, and with it its last version, none comes again: somebody may hold it still.
            var version = state.State.LastVersion = BrokerSilo.NextRevision(state.State.LastVersion);
            state.State.Documents[key] = new ShelvedDocument { Bytes = bytes.ToArray(), Version = version };
            await Write(state.WriteStateAsync);
            return version;
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask Delete(string key, long expectedVersion)
    {
        await _gate.WaitAsync();
        try
        {
            CheckVersion(key, expectedVersion);
            state.State.Documents.Remove(key);
            await Write(state.State.Documents.Count == 0 ? state.ClearStateAsync : state.WriteStateAsync);
        }
        finally
        {
            _gate.Release();
        }
    }

    private void CheckVersion(string key, long expected)
    {
        if (_over)
            throw new DocumentConflictException($"Another activation writes '{key}'.");
        var there = state.State.Documents.TryGetValue(key, out var found) ? found.Version : 0;
        if (there != expected)
            throw new DocumentConflictException($"'{key}' is at version {there}, not {expected}.");
    }

    private async Task Write(Func<Task> write)
    {
        try
        {
            await write();
        }
        catch (InconsistentStateException conflict)
        {
            (_over, _) = (true, conflict);
            leave();
            throw new DocumentConflictException($"The grain storage has another version: {conflict.Message}");
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // It may be stored or not; the next activation reads which.
            _over = true;
            leave();
            throw new MqException(ErrorCodes.OutcomeUnknown, $"The grain storage failed: {failure.Message}", TimeSpan.FromSeconds(1), failure);
        }
    }
}
