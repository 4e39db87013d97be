using System.Globalization;
using OrleansMq.Core.Limits;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Topics;

/// <summary>
/// Hands out a topic's admissions to its partitions: N in the topic's life, exactly, over restarts. What is granted is in the ledger's document before a
/// partition may use it, and a partition's log says how many it used.
/// </summary>
/// <remarks>
/// An answer that grants anything names the version that this very call wrote: a desk that was replaced meanwhile can't write, so it grants nothing. A partition
/// ignores grants that are older than the last taking back.
/// </remarks>
public sealed class AdmissionDesk(IDocuments documents, Guid topicId, int partitions, Func<int, ValueTask<IAdmissionPartition>> open)
{
    private readonly string _key = KeyOf(topicId);
    private readonly SemaphoreSlim _gate = new(1);
    private int _partitions = partitions;
    private AdmissionLedger? _ledger;
    private long _version;

    /// <summary>All is granted and used: nobody has any to give back, until the cap is raised.</summary>
    private bool _exhausted;

    public static string KeyOf(Guid topicId) => string.Create(CultureInfo.InvariantCulture, $"admission/{topicId:N}");

    /// <summary>The topic grew.</summary>
    public void Grow(int count) => Volatile.Write(ref _partitions, count);

    /// <summary>Reads the ledger, so that grants of before are known; makes it, or changes its cap, where needed.</summary>
    public async Task SetCap(long cap)
    {
        await _gate.WaitAsync();
        try
        {
            await Load(cap);
            if (_ledger!.Cap != cap)
            {
                await Save(_ledger.WithCap(cap));
                _exhausted = false;
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Grants a partition what it needs, or what there is; takes back what others do not use where the pool is empty.</summary>
    public async Task<AdmissionGrant> Request(int partition, long admitted, int needed, long cap)
    {
        await _gate.WaitAsync();
        try
        {
            await Load(cap);
            var missing = needed - Math.Max(0, _ledger!.GrantedTo(partition) - admitted);
            if (missing > 0 && _exhausted)
                return new AdmissionGrant(_ledger.GrantedTo(partition), _version);
            var next = _ledger;
            if (missing > next.Pool)
                next = await TakenBack(next, partition);
            var exhausted = missing > 0 && next.Pool == 0 && next.GrantedTo(partition) <= admitted;
            if (missing > 0 && next.Pool > 0)
                next = next.Grant(partition, missing, _partitions, out _);
            await Save(next);
            // Only now: an answer that names no newer version than the taking back counts for nobody, and would be asked for again and again.
            _exhausted = exhausted;
            return new AdmissionGrant(next.GrantedTo(partition), _version);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The ledger with what the others don't use in its pool. They can't use it any more, also where it is then not saved.</summary>
    private async Task<AdmissionLedger> TakenBack(AdmissionLedger ledger, int except)
    {
        for (var p = 0; p < _partitions; p++)
        {
            var granted = ledger.GrantedTo(p);
            if (p == except || granted == 0)
                continue;
            var used = await (await open(p)).TakeBackAdmissions(_version);
            if (used < granted)
                ledger = ledger.Return(p, granted - used);
        }

        return ledger;
    }

    private async Task Load(long cap)
    {
        if (_ledger is not null)
            return;
        var document = await documents.Get(_key);
        _ledger = document is null ? AdmissionLedger.Empty(cap) : AdmissionLedger.FromJson(document.Bytes.Span);
        _version = document?.Version ?? 0;
    }

    private async Task Save(AdmissionLedger ledger)
    {
        _version = await documents.Put(_key, ledger.ToJson(), _version);
        _ledger = ledger;
    }

    public async Task Delete()
    {
        if (await documents.Get(_key) is { } document)
            await documents.Delete(_key, document.Version);
    }
}

/// <summary>A partition that admissions are granted to.</summary>
public interface IAdmissionPartition
{
    /// <summary>Gives back what is granted here and not used; from then on it can't be, and grants up to this version of the ledger don't count.</summary>
    /// <returns>How many were admitted here in the topic's life.</returns>
    Task<long> TakeBackAdmissions(long asOf);
}

/// <summary>The ledger's answer to a partition.</summary>
/// <param name="Granted">To this partition in the topic's life, used or not.</param>
/// <param name="AsOf">The ledger's version.</param>
public readonly record struct AdmissionGrant(long Granted, long AsOf);
