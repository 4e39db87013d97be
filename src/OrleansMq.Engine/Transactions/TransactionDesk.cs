using System.Collections.Immutable;
using OrleansMq.Core.Transactions;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using OrleansMq.Records;

namespace OrleansMq.Engine.Transactions;

/// <summary>One transactional id at work: lets <see cref="Transaction"/> decide, stores what it decided, and carries it out until it is done, over restarts.</summary>
/// <remarks>One owner for each id, one call at a time. A call finishes first what is decided and not carried out.</remarks>
internal sealed class TransactionDesk : IDesk
{
    /// <summary>One without a transaction that nobody asked for so long need not stay in memory.</summary>
    public static readonly TimeSpan Rest = TimeSpan.FromHours(1);

    /// <summary>When carrying out is tried again after a partition could not be reached.</summary>
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);

    private readonly IDocuments _documents;
    private readonly ITransactionParts _parts;
    private readonly TimeProvider _time;
    private readonly Action<string> _report;
    private readonly Func<TransactionalId, Task> _replace;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly ITimer _timer;

    private Transaction _transaction;
    private long _version;
    private bool _closed;

    /// <param name="version">0: it was never stored.</param>
    /// <param name="replace">Puts a desk that is loaded again in this one's place, once it is broken.</param>
    public TransactionDesk(
        Transaction transaction, long version, IDocuments documents, ITransactionParts parts, TimeProvider time, Action<string> report, Func<TransactionalId, Task> replace)
    {
        (_transaction, _version, _documents, _parts, _time, _report, _replace) = (transaction, version, documents, parts, time, report, replace);
        _timer = time.CreateTimer(_ => OnTimer(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Arm();
    }

    /// <summary>Its document could not be written: what memory says may not be what is stored, so it must be loaded again.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>As it is now; read from any thread.</summary>
    public Transaction Now => Volatile.Read(ref _transaction);

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    public Task<ProducerIdentity> Open(TimeSpan timeout, ProducerIdentity? known) => Hold(async () =>
    {
        // A first opening has nobody to be compared with.
        if (_version > 0 && _transaction.MayOpen(known) is { } refusal)
            throw new MqException(refusal);
        if (_transaction.Phase == TransactionPhase.Ongoing)
            await Store(_transaction.Fence(NowMs, known));
        await CarryOut();
        // The first opening is told as it is; every later one at a new epoch.
        if (_version == 0)
            await Store(_transaction);
        else
            await Store(Checked(_transaction.Reopen(known, await FreshId(), (long)timeout.TotalMilliseconds, NowMs)));
        return _transaction.Producer;
    });

    public Task<IReadOnlyList<MqError?>> AddPartitions(ProducerIdentity producer, IReadOnlyList<TransactionPartition> partitions) => Hold<IReadOnlyList<MqError?>>(async () =>
    {
        await CarryOut();
        var fresh = partitions.Where(partition => !_transaction.Partitions.Contains(partition)).ToList();
        var next = Checked(_transaction.AddPartitions(producer, fresh, NowMs));
        // Stored before a partition lets anything in, so that every partition that did gets its marker.
        if (fresh.Count > 0)
            await Store(next);
        var begun = new OpenTransaction(producer, _transaction.Id.Key, _version, _transaction.DeadlineMs ?? NowMs);
        return await Task.WhenAll(partitions.Select(Begin));

        async Task<MqError?> Begin(TransactionPartition partition)
        {
            try
            {
                await _parts.Begin(partition, begun);
                return null;
            }
            catch (MqException refusal)
            {
                return refusal.Error;
            }
        }
    });

    public Task AddOffsets(ProducerIdentity producer, GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets) => Hold(async () =>
    {
        await CarryOut();
        var next = Checked(_transaction.AddOffsets(producer, group, offsets, NowMs));
        if (member is not null)
            await _parts.CheckMember(group, member);
        await Store(next);
        return true;
    });

    public Task<ProducerIdentity> End(ProducerIdentity producer, bool commit, bool newEpoch) => Hold(async () =>
    {
        var next = Checked(_transaction.End(producer, commit, newEpoch, await FreshId(), NowMs));
        if (next != _transaction)
            await Store(next);
        await CarryOut();
        return _transaction.Producer;
    });

    /// <summary>Ends what is decided and what its time is over for.</summary>
    public Task Finish() => Hold(async () =>
    {
        await RunOut();
        return true;
    });

    /// <summary>A partition has this transaction open past its time: it is ended there if it is over here.</summary>
    public Task Overdue(TransactionPartition partition, ProducerIdentity producer) => Hold(async () =>
    {
        await RunOut();
        if (_transaction.Phase != TransactionPhase.Ongoing || _transaction.Producer != producer || !_transaction.Partitions.Contains(partition))
            // It was begun there by a call that came when all was over. One of another producer id may be of an earlier life of this id, whose terms say nothing about these.
            await End(partition, producer, TransactionOutcome.Abort, producer.Id == _transaction.Producer.Id ? _version : long.MaxValue);
        return true;
    });

    /// <summary>Aborts what is open, by the hand of somebody else, and fences its producer.</summary>
    public Task Abort() => Hold(async () =>
    {
        await CarryOut();
        if (_transaction.Phase != TransactionPhase.Ongoing)
            throw new MqException(ErrorCodes.TransactionState, $"Transactional id '{_transaction.Id}' has no transaction open.");
        await Store(_transaction.Fence(NowMs));
        await CarryOut();
        return true;
    });

    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        await _gate.WaitAsync();
        _closed = true;
        _gate.Release();
    }

    private async Task RunOut()
    {
        if (_transaction.DeadlineMs <= NowMs)
            await Store(_transaction.Fence(NowMs));
        await CarryOut();
    }

    /// <summary>Writes the markers and moves the cursors that a decision asks for. All of it may have been done before.</summary>
    private async Task CarryOut()
    {
        if (!_transaction.IsDecided)
            return;
        var decided = _transaction;
        var outcome = decided.Phase == TransactionPhase.Committing ? TransactionOutcome.Commit : TransactionOutcome.Abort;
        await Task.WhenAll(decided.Partitions.Select(partition => End(partition, decided.EndedBy, outcome, _version)));
        if (outcome == TransactionOutcome.Commit)
            foreach (var (group, offsets) in decided.Offsets.Where(staged => !staged.Value.IsEmpty))
                await MoveCursors(decided.Id, group, offsets, new DecidedTerm(decided.Id.Key, decided.Producer.Id, _version));
        await Store(decided.Completed());
    }

    private async Task End(TransactionPartition partition, ProducerIdentity producer, TransactionOutcome outcome, long term)
    {
        try
        {
            await _parts.End(partition, producer, outcome, term);
        }
        catch (MqException gone) when (gone.Code is ErrorCodes.TopicUnknown or ErrorCodes.PartitionUnknown)
        {
            // Deleted meanwhile, with what the transaction wrote there.
        }
    }

    private async Task MoveCursors(TransactionalId id, GroupName group, ImmutableList<GroupOffset> offsets, DecidedTerm term)
    {
        // Whoever decides anew from here on opens the partitions behind this, and moves their cursors last; who did before has written the document.
        await _parts.Open(offsets);
        await MustBeTheDecision(id);
        var errors = await _parts.MoveCursors(group, offsets, term);
        for (var i = 0; i < errors.Count; i++)
        {
            if (errors[i] is not { } error)
                continue;
            if (ErrorCodes.IsRetriable(error.Code))
                throw new MqException(error);
            _report($"Transaction '{id}' is committed, but group '{group}' could not be moved to {offsets[i].Topic}/{offsets[i].Partition}:{offsets[i].Offset}: {error.Detail}");
        }
    }

    private async Task MustBeTheDecision(TransactionalId id)
    {
        if ((await _documents.Get(TransactionDocument.KeyOf(id.Key)))?.Version == _version)
            return;
        IsBroken = true;
        throw new MqException(ErrorCodes.OutcomeUnknown, $"Transaction '{id}' was taken over by another process while it was carried out here.", TimeSpan.FromMilliseconds(100));
    }

    private async ValueTask<long> FreshId() => _transaction.EpochsAreUsedUp ? await _parts.NewProducerId() : -1;

    private static Transaction Checked(TransactionStep step) => step.Error is { } error ? throw new MqException(error) : step.Next;

    private async Task Store(Transaction next)
    {
        try
        {
            _version = await _documents.Put(TransactionDocument.KeyOf(next.Id.Key), TransactionDocument.ToJson(next), _version);
            Volatile.Write(ref _transaction, next);
        }
        catch (MqException full) when (full.Code == ErrorCodes.DiskFull)
        {
            // Nothing changed.
            throw;
        }
        catch (Exception error)
        {
            IsBroken = true;
            throw error as MqException ?? new MqException(ErrorCodes.OutcomeUnknown, $"Transaction '{next.Id}' could not be stored: {error.Message}", TimeSpan.FromSeconds(1), error);
        }
    }

    private async Task<T> Hold<T>(Func<Task<T>> act)
    {
        await _gate.WaitAsync();
        try
        {
            if (_closed || IsBroken)
                throw new MqException(ErrorCodes.PartitionUnavailable, $"Transaction '{_transaction.Id}' is not served here now.", TimeSpan.FromMilliseconds(100));
            return await act();
        }
        finally
        {
            if (!_closed)
                Arm();
            _gate.Release();
        }
    }

    private void Arm()
    {
        // A time that is over was tried, and what came between may pass.
        var due = IsBroken || _transaction.IsDecided ? Retry
            : _transaction.DeadlineMs is not { } deadline ? Timeout.InfiniteTimeSpan
            : deadline > NowMs ? TimeSpan.FromMilliseconds(Math.Min(deadline - NowMs, int.MaxValue)) : Retry;
        _timer.Change(due, Timeout.InfiniteTimeSpan);
    }

    private async void OnTimer()
    {
        try
        {
            if (IsBroken)
            {
                // Nobody may ever use this id again: what is stored is ended all the same.
                await _replace(_transaction.Id);
                return;
            }

            await Finish();
        }
        catch (Exception refusal) when (refusal is MqException or StorageException)
        {
            // It is tried again, also where it is broken; whoever calls is told by his own call.
            if (_closed)
                return;
            _report($"Transaction '{_transaction.Id}' could not be ended yet: {refusal.Message}");
            if (IsBroken)
                _timer.Change(Retry, Timeout.InfiniteTimeSpan);
        }
    }
}
