using System.Globalization;
using OrleansMq.Core.Limits;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Topics;

/// <summary>
/// Hands out a topic's admissions to its partitions: N in the topic's life, exactly, over restarts. What is granted is in the ledger's document before a
/// partition may use it, and a partition's log says how many it used.
/// </summary>
public sealed class AdmissionDesk(IDocuments documents, Guid topicId, int partitions, Func<int, ValueTask<PartitionEngine>> open)
{
    private readonly string _key = KeyOf(topicId);
    private readonly SemaphoreSlim _gate = new(1);
    private readonly long[] _granted = new long[partitions];
    private AdmissionLedger? _ledger;
    private long _version;

    internal static string KeyOf(Guid topicId) => string.Create(CultureInfo.InvariantCulture, $"admission/{topicId:N}");

    /// <summary>What a partition may still use. Called in its turn.</summary>
    public long Left(int partition, long admitted) => Math.Max(0, Volatile.Read(ref _granted[partition]) - admitted);

    /// <summary>Reads the ledger, so that grants of before are known; makes it, or changes its cap, where needed.</summary>
    public async Task SetCap(long cap)
    {
        await _gate.WaitAsync();
        try
        {
            await Load(cap);
            if (_ledger!.Cap != cap)
                await Save(_ledger.WithCap(cap));
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Grants a partition what it needs, or what there is; takes back what others do not use where the pool is empty.</summary>
    public async Task Request(PartitionEngine partition, long admitted, int needed, long cap)
    {
        await _gate.WaitAsync();
        try
        {
            await Load(cap);
            var missing = needed - Left(partition.Number, admitted);
            if (missing > 0 && _ledger!.Pool < missing)
                await TakeBack(partition.Number);
            if (missing > 0 && _ledger!.Pool > 0)
            {
                var next = _ledger.Grant(partition.Number, missing, partitions, out var granted);
                if (granted > 0)
                {
                    await Save(next);
                    Volatile.Write(ref _granted[partition.Number], next.GrantedTo(partition.Number));
                }
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task TakeBack(int except)
    {
        var ledger = _ledger!;
        for (var p = 0; p < partitions; p++)
        {
            if (p == except || ledger.GrantedTo(p) == 0)
                continue;
            var other = await open(p);
            var number = p;
            // In the other partition's turn: from then on it can't use them.
            var unused = await other.WithAdmitted(used =>
            {
                var back = Left(number, used);
                Volatile.Write(ref _granted[number], Math.Min(_granted[number], used));
                return back;
            });
            if (unused > 0)
                ledger = ledger.Return(p, unused);
        }

        if (!ReferenceEquals(ledger, _ledger))
            await Save(ledger);
    }

    private async Task Load(long cap)
    {
        if (_ledger is not null)
            return;
        var document = await documents.Get(_key);
        _ledger = document is null ? AdmissionLedger.Empty(cap) : AdmissionLedger.FromJson(document.Bytes.Span);
        _version = document?.Version ?? 0;
        for (var p = 0; p < partitions; p++)
            Volatile.Write(ref _granted[p], _ledger.GrantedTo(p));
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
