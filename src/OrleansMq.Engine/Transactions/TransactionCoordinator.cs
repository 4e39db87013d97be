using System.Collections.Concurrent;
using OrleansMq.Core.Snapshots;
using OrleansMq.Core.Transactions;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using OrleansMq.Records;

namespace OrleansMq.Engine.Transactions;

/// <summary>
/// Transactional ids: finds or loads the one that is asked, and after a restart ends what was decided and times out what was open. One process has one for all
/// ids; in a cluster a grain each has one for its own.
/// </summary>
public sealed class TransactionCoordinator : ITransactionCoordinator, IAsyncDisposable
{
    /// <summary>Held at once; a further new one is refused.</summary>
    public const int MaxIds = 100_000;

    /// <summary>Documents whose keys begin so name the ids of all coordinators.</summary>
    public const string NamesPrefix = "transaction-names/";

    private readonly IDocuments _documents;
    private readonly ITransactionParts _parts;
    private readonly TimeProvider _time;
    private readonly Action<string> _report;
    private readonly TopicCatalog _catalog;
    private readonly Desks<TransactionDesk> _desks;

    /// <summary>Calls by which ids are opened that nobody had, with their keys: named, and perhaps not stored yet.</summary>
    private readonly ConcurrentDictionary<object, string> _firstOpenings = new();

    /// <summary>Keys of ids that the start has to read and could not read yet.</summary>
    private readonly ConcurrentDictionary<string, bool> _unread = new(StringComparer.Ordinal);

    /// <summary>The start could not learn yet which ids there are.</summary>
    private volatile bool _isUnlisted;

    public TransactionCoordinator(IDocuments documents, ITransactionParts parts, TimeProvider time, Action<string> report)
    {
        (_documents, _parts, _time, _report, _catalog) = (documents, parts, time, report, new TopicCatalog(documents));
        _desks = new Desks<TransactionDesk>(Read);
    }

    /// <summary>Ids in memory.</summary>
    public int AtWork => _desks.Count;

    /// <summary>Makes sure that the one of a key is at work, and ends by itself what is decided or over.</summary>
    /// <returns>Whether there is one.</returns>
    public async ValueTask<bool> Load(string key) => await _desks.Find(key) is not null;

    public async ValueTask<ProducerIdentity> Open(string id, TimeSpan timeout, ProducerIdentity? known = null, CancellationToken cancel = default)
    {
        if (timeout < TimeSpan.FromMilliseconds(1) || timeout > Transaction.MaxTimeout)
            throw new MqException(ErrorCodes.Malformed, $"A transaction's timeout is 1 ms to {Transaction.MaxTimeout.TotalMinutes:0} min; {timeout} was given.");
        var name = new TransactionalId(id);
        if (await _desks.Find(name.Key) is { } desk)
            return await desk.Open(timeout, known);
        var call = new object();
        _firstOpenings[call] = name.Key;
        try
        {
            return await (await Make(name, timeout)).Open(timeout, known);
        }
        finally
        {
            _firstOpenings.TryRemove(call, out _);
        }
    }

    public async ValueTask<IReadOnlyList<MqError?>> AddPartitions(string id, ProducerIdentity producer, IReadOnlyList<TransactionPartition> partitions, CancellationToken cancel = default) =>
        await (await Known(id)).AddPartitions(producer, partitions);

    public async ValueTask AddOffsets(string id, ProducerIdentity producer, GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default) =>
        await (await Known(id)).AddOffsets(producer, group, member, offsets);

    public async ValueTask<ProducerIdentity> End(string id, ProducerIdentity producer, bool commit, bool newEpoch, CancellationToken cancel = default) =>
        await (await Known(id)).End(producer, commit, newEpoch);

    public async ValueTask Abort(string id, CancellationToken cancel = default) => await (await Known(id)).Abort();

    public async ValueTask<IReadOnlyList<TransactionPartition>> Pending(GroupName group, CancellationToken cancel = default)
    {
        await ReadOpen();
        return [.. _desks.Loaded.SelectMany(desk => desk.Value.Now.Offsets.GetValueOrDefault(group) ?? []).Select(offset => new TransactionPartition(offset.Topic, offset.Partition))];
    }

    public async ValueTask<Page<TransactionDescription>> List(string? after = null, int max = 100, CancellationToken cancel = default)
    {
        PageSize.Check(max);
        var page = new List<TransactionDescription>();
        string? last = null;
        foreach (var key in await _catalog.TransactionNames())
        {
            if (after is not null && string.CompareOrdinal(key, after) <= 0)
                continue;
            if (page.Count == max)
                return new Page<TransactionDescription>(page, last);
            if (await Describe(key) is { } found)
                page.Add(found);
            last = key;
        }

        return new Page<TransactionDescription>(page, null);
    }

    /// <summary>How the one of a key stands; null: there is none. Nothing is loaded for it.</summary>
    public async ValueTask<TransactionDescription?> Describe(string key) =>
        _desks.FindLoaded(key)?.Now.Describe() ?? (await Stored(key))?.Transaction.Describe();

    /// <summary>A partition has a transaction of the key's id open past its time: it is ended there if it is over.</summary>
    public async ValueTask Overdue(string key, TransactionPartition partition, ProducerIdentity producer)
    {
        if (await _desks.Find(key) is { } desk)
            await desk.Overdue(partition, producer);
        else
            // Nobody will ever say what becomes of it.
            await _parts.End(partition, producer, TransactionOutcome.Abort, long.MaxValue);
    }

    /// <summary>To be called once, before anything is read as committed: ends what was decided. What can't be read is said, and keeps nothing else from being served.</summary>
    public async Task Recover()
    {
        _isUnlisted = true;
        try
        {
            await ListUnread();
        }
        catch (Exception error) when (CanNotBeRead(error))
        {
            _report($"Open transactions could not be looked for; each is ended when its time is over and its partitions are read, when its transactional id is used, or at the next start: {error.Message}");
            return;
        }

        foreach (var key in _unread.Keys)
        {
            try
            {
                if (await FindUnread(key) is not { } desk)
                    continue;
                await desk.Finish();
                await DropIdle(key, desk);
            }
            catch (Exception error) when (CanNotBeRead(error))
            {
                _report($"Transaction '{key}' could not be ended yet, it is tried again when its time is over and its partitions are read, when it is used, and at the next start: {error.Message}");
            }
        }
    }

    /// <summary>Forgets ids that nobody used for a week, and lets go of those that rest: they are loaded again when they are asked.</summary>
    public async Task DropLapsed()
    {
        foreach (var (key, desk) in _desks.Loaded.ToList())
            if (NowMs - desk.Now.LastUsedMs > (long)TransactionDesk.Rest.TotalMilliseconds)
                await DropIdle(key, desk);
        foreach (var key in await _catalog.TransactionNames())
            await DropIfLapsed(key);
    }

    /// <summary>Forgets the id of a key if nobody used it for a week.</summary>
    /// <returns>Whether there is none (any more).</returns>
    public async Task<bool> DropIfLapsed(string key)
    {
        if (await Stored(key) is not var (transaction, version))
        {
            await Unname(key);
            return true;
        }

        if (!transaction.HasLapsed(NowMs))
            return false;
        if (_desks.FindLoaded(key) is { } lapsed)
            await _desks.Drop(key, lapsed);
        try
        {
            await _documents.Delete(TransactionDocument.KeyOf(key), version);
        }
        catch (DocumentConflictException)
        {
            // It is used again.
            return false;
        }

        await Unname(key);
        return true;
    }

    public ValueTask DisposeAsync() => _desks.DisposeAsync();

    /// <summary>Every id that may have something open is in memory, as it is stored; where that can't be known, what is pending isn't either.</summary>
    private async ValueTask ReadOpen()
    {
        try
        {
            await UnlessDamaged(ListUnread);
            foreach (var key in _unread.Keys.Concat(_desks.Unsure))
                await UnlessDamaged(async () => await FindUnread(key));
        }
        catch (Exception error) when (CanNotBeRead(error))
        {
            throw new MqException(ErrorCodes.PartitionUnavailable, $"Open transactions can't be read now: {error.Message}", TimeSpan.FromMilliseconds(100), error);
        }
    }

    /// <summary>What is damaged will never be read, and the start said so: no group waits for it for ever.</summary>
    private static async ValueTask UnlessDamaged(Func<ValueTask> read)
    {
        try
        {
            await read();
        }
        catch (MqException damage) when (damage.Code == ErrorCodes.PartitionDamaged)
        {
        }
    }

    private async ValueTask ListUnread()
    {
        if (!_isUnlisted)
            return;
        foreach (var key in await _catalog.TransactionNames())
            _unread[key] = true;
        _isUnlisted = false;
    }

    private async ValueTask<TransactionDesk?> FindUnread(string key)
    {
        var desk = await _desks.Find(key);
        _unread.TryRemove(key, out _);
        return desk;
    }

    private static bool CanNotBeRead(Exception error) => error is MqException or StorageException;

    private ValueTask DropIdle(string key, TransactionDesk desk) => desk.Now.Phase == TransactionPhase.Empty ? _desks.Drop(key, desk) : default;

    /// <summary>Somebody may open the id meanwhile: what is stored must be named, or no start would find it.</summary>
    private async ValueTask Unname(string key)
    {
        if (_firstOpenings.Values.Contains(key))
            return;
        await _catalog.UnnameTransaction(key);
        if (_firstOpenings.Values.Contains(key) || await _documents.Get(TransactionDocument.KeyOf(key)) is not null)
            await _catalog.NameTransaction(key);
    }

    private async ValueTask<TransactionDesk> Known(string id) =>
        await _desks.Find(new TransactionalId(id).Key) ?? throw new MqException(ErrorCodes.ProducerUnknown, $"Transactional id '{id}' was never opened, or not for a week.");

    private async ValueTask<TransactionDesk> Make(TransactionalId id, TimeSpan timeout)
    {
        if (_desks.Count >= MaxIds)
            throw new MqException(ErrorCodes.Overloaded, $"{MaxIds} transactional ids are in use, the most there may be.", TimeSpan.FromSeconds(1));
        await _catalog.NameTransaction(id.Key);
        var producer = await _parts.NewProducerId();
        return await _desks.Ensure(id.Key, () => Of(Transaction.New(id, producer, (long)timeout.TotalMilliseconds, NowMs), 0));
    }

    private async Task<TransactionDesk?> Read(string key) => await Stored(key) is var (transaction, version) ? Of(transaction, version) : null;

    private async ValueTask<(Transaction Transaction, long Version)?> Stored(string key)
    {
        if (await _documents.Get(TransactionDocument.KeyOf(key)) is not { } stored)
            return null;
        try
        {
            return (TransactionDocument.FromJson(stored.Bytes.Span), stored.Version);
        }
        catch (StateFormatException damage)
        {
            throw new MqException(ErrorCodes.PartitionDamaged, $"What is stored of transactional id '{key}' is damaged: {damage.Message}", inner: damage);
        }
    }

    private TransactionDesk Of(Transaction transaction, long version) => new(transaction, version, _documents, _parts, _time, _report, async id => await _desks.Find(id.Key));

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();
}
