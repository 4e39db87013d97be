using System.Collections.Concurrent;
using OrleansMq.Core.Snapshots;
using OrleansMq.Core.Transactions;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;

namespace OrleansMq.Engine.Transactions;

/// <summary>All transactional ids of one process: finds or loads the one that is asked, and after a restart ends what was decided and times out what was open.</summary>
public sealed class TransactionCoordinator(IDocuments documents, ITransactionParts parts, TimeProvider time, Action<string> report) : ITransactionCoordinator, IAsyncDisposable
{
    /// <summary>Held at once; a further new one is refused.</summary>
    public const int MaxIds = 100_000;

    private readonly TopicCatalog _catalog = new(documents);
    private readonly ConcurrentDictionary<string, Lazy<Task<TransactionDesk?>>> _desks = new(StringComparer.Ordinal);

    public async ValueTask<ProducerIdentity> Open(string id, TimeSpan timeout, ProducerIdentity? known = null, CancellationToken cancel = default)
    {
        if (timeout < TimeSpan.FromMilliseconds(1) || timeout > Transaction.MaxTimeout)
            throw new MqException(ErrorCodes.Malformed, $"A transaction's timeout is 1 ms to {Transaction.MaxTimeout.TotalMinutes:0} min; {timeout} was given.");
        var name = new TransactionalId(id);
        var desk = await Find(name) ?? await Make(name, timeout);
        return await desk.Open(timeout, known);
    }

    public async ValueTask<IReadOnlyList<MqError?>> AddPartitions(string id, ProducerIdentity producer, IReadOnlyList<TransactionPartition> partitions, CancellationToken cancel = default) =>
        await (await Known(id)).AddPartitions(producer, partitions);

    public async ValueTask AddOffsets(string id, ProducerIdentity producer, GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default) =>
        await (await Known(id)).AddOffsets(producer, group, member, offsets);

    public async ValueTask<ProducerIdentity> End(string id, ProducerIdentity producer, bool commit, bool newEpoch, CancellationToken cancel = default) =>
        await (await Known(id)).End(producer, commit, newEpoch);

    public async ValueTask<IReadOnlyList<TransactionPartition>> Pending(GroupName group, CancellationToken cancel = default)
    {
        var pending = new List<TransactionPartition>();
        foreach (var loading in _desks.Values)
            if (loading.IsValueCreated && await loading.Value is { } desk && desk.Now.Offsets.TryGetValue(group, out var offsets))
                pending.AddRange(offsets.Select(offset => new TransactionPartition(offset.Topic, offset.Partition)));
        return pending;
    }

    /// <summary>To be called once, before anything is read as committed: loads what is not over. What can't be read is said, and keeps nothing else from being served.</summary>
    public async Task Recover()
    {
        IReadOnlyList<string> keys;
        try
        {
            keys = await _catalog.TransactionNames();
        }
        catch (Exception error) when (CanNotBeRead(error))
        {
            report($"Open transactions could not be looked for, the next start tries again; until then each is ended when its transactional id is used: {error.Message}");
            return;
        }

        foreach (var key in keys)
        {
            try
            {
                if (await Load(key) is not { } desk)
                    continue;
                _desks[key] = new Lazy<Task<TransactionDesk?>>(Task.FromResult<TransactionDesk?>(desk));
                await desk.Finish();
            }
            catch (Exception error) when (CanNotBeRead(error))
            {
                report($"Transaction '{key}' could not be ended yet, it is tried again when it is used and at the next start: {error.Message}");
            }
        }
    }

    private static bool CanNotBeRead(Exception error) => error is MqException or StorageException or StateFormatException;

    /// <summary>Forgets ids that nobody used for a week.</summary>
    public async Task DropLapsed()
    {
        foreach (var key in await _catalog.TransactionNames())
        {
            if (await documents.Get(TransactionDesk.KeyOf(key)) is not { } stored)
            {
                await Unname(key);
                continue;
            }

            if (!TransactionDocument.FromJson(stored.Bytes.Span).HasLapsed(NowMs))
                continue;
            if (_desks.TryRemove(key, out var loading) && await loading.Value is { } desk)
                await desk.DisposeAsync();
            try
            {
                await documents.Delete(TransactionDesk.KeyOf(key), stored.Version);
            }
            catch (DocumentConflictException)
            {
                // It is used again.
                continue;
            }

            await Unname(key);
        }
    }

    /// <summary>Somebody may have opened the id meanwhile: what is stored must be named, or no start would find it.</summary>
    private async ValueTask Unname(string key)
    {
        await _catalog.UnnameTransaction(key);
        if (await documents.Get(TransactionDesk.KeyOf(key)) is not null)
            await _catalog.NameTransaction(key);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var loading in _desks.Values)
            if (loading.IsValueCreated && await loading.Value is { } desk)
                await desk.DisposeAsync();
    }

    private async ValueTask<TransactionDesk> Known(string id) =>
        await Find(new TransactionalId(id)) ?? throw new MqException(ErrorCodes.ProducerUnknown, $"Transactional id '{id}' was never opened, or not for a week.");

    private async ValueTask<TransactionDesk> Make(TransactionalId id, TimeSpan timeout)
    {
        if (_desks.Count >= MaxIds)
            throw new MqException(ErrorCodes.Overloaded, $"{MaxIds} transactional ids are in use, the most there may be.", TimeSpan.FromSeconds(1));
        await _catalog.NameTransaction(id.Key);
        var producer = await parts.NewProducerId();
        var made = new Lazy<Task<TransactionDesk?>>(() => Task.FromResult<TransactionDesk?>(Of(Transaction.New(id, producer, (long)timeout.TotalMilliseconds, NowMs), 0)));
        return (await _desks.GetOrAdd(id.Key, made).Value)!;
    }

    private async ValueTask<TransactionDesk?> Find(TransactionalId id)
    {
        while (true)
        {
            var loading = _desks.GetOrAdd(id.Key, static (key, self) => new Lazy<Task<TransactionDesk?>>(() => self.Load(key)), this);
            TransactionDesk? found = null;
            try
            {
                found = await loading.Value;
                if (found is not { IsBroken: true })
                    return found;
            }
            finally
            {
                // What is not there, could not be read or is broken is looked for again.
                if (found is null or { IsBroken: true } && _desks.TryRemove(new KeyValuePair<string, Lazy<Task<TransactionDesk?>>>(id.Key, loading)) && found is not null)
                    await found.DisposeAsync();
            }
        }
    }

    private async Task<TransactionDesk?> Load(string key) =>
        await documents.Get(TransactionDesk.KeyOf(key)) is { } stored ? Of(TransactionDocument.FromJson(stored.Bytes.Span), stored.Version) : null;

    private TransactionDesk Of(Transaction transaction, long version) => new(transaction, version, documents, parts, time, report, async id => await Find(id));

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();
}
