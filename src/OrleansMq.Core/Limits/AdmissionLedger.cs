using System.Collections.Immutable;
using System.Text.Json.Serialization;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Limits;

/// <summary>
/// An exact cap over all partitions of a topic: of <see cref="Cap"/> admissions each partition is granted some, and it may admit as many
/// as were granted to it and no more. A grant is durable here before the partition uses it, so that restarts and lost answers can
/// only leave admissions unused, never give one twice; what is unused is returned.
/// </summary>
/// <remarks>Immutable: a change is a new ledger, to be written over the version it was made from. Invariant: what is granted is at most the cap.</remarks>
public sealed class AdmissionLedger
{
    /// <summary>A grant takes at most so many in advance.</summary>
    public const long MaxAdvance = 10_000;

    private readonly ImmutableSortedDictionary<int, long> granted;

    private AdmissionLedger(long cap, ImmutableSortedDictionary<int, long> granted)
    {
        (Cap, this.granted, Granted) = (cap, granted, granted.Values.Sum());
        if (Granted > cap)
            throw new InvalidOperationException($"{Granted} admissions are granted, more than the cap of {cap}.");
    }

    public long Cap { get; }

    /// <summary>Granted to all partitions together, used or not.</summary>
    public long Granted { get; }

    /// <summary>What no partition has.</summary>
    public long Pool => Cap - Granted;

    public static AdmissionLedger Empty(long cap) =>
        cap >= 0 ? new(cap, ImmutableSortedDictionary<int, long>.Empty) : throw new ArgumentOutOfRangeException(nameof(cap), cap, "A cap is not negative.");

    public long GrantedTo(int partition) => granted.GetValueOrDefault(partition);

    /// <summary>Partitions that have any: those to ask for what they don't use when the pool is empty.</summary>
    public IEnumerable<int> Partitions => granted.Keys;

    /// <summary>
    /// Gives a partition what it needs and some in advance: an even share of a quarter of the rest, so that the last ones go out one by one.
    /// </summary>
    /// <param name="partitions">Of the topic.</param>
    /// <param name="given">Less than <paramref name="need"/> when the pool ends: others may have unused ones to return.</param>
    public AdmissionLedger Grant(int partition, long need, int partitions, out long given)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(need);
        var advance = Math.Min(MaxAdvance, (Pool - Math.Min(need, Pool)) / (4L * partitions));
        given = Math.Min(Pool, need + advance);
        return given == 0 ? this : new(Cap, granted.SetItem(partition, GrantedTo(partition) + given));
    }

    /// <summary>A partition gives back what it will not use: durable there before it is called.</summary>
    public AdmissionLedger Return(int partition, long unused)
    {
        var left = GrantedTo(partition) - unused;
        if (unused < 0 || left < 0)
            throw new InvalidOperationException($"Partition {partition} returns {unused} admissions and was granted {GrantedTo(partition)}.");
        return new(Cap, left == 0 ? granted.Remove(partition) : granted.SetItem(partition, left));
    }

    /// <exception cref="MqException"><see cref="ErrorCodes.Conflict"/>: more are granted already.</exception>
    public AdmissionLedger WithCap(long cap) => cap >= Granted
        ? new(cap, granted)
        : throw new MqException(ErrorCodes.Conflict, $"admit can't be lowered to {cap}: {Granted} admissions are granted to the partitions already. The lowest possible is {Granted}.");

    public byte[] ToJson() => JsonDocuments.Write(new AdmissionLedgerForm { Version = 1, Cap = Cap, Granted = new(granted) }, CatalogJson.Default.AdmissionLedgerForm);

    /// <exception cref="StateFormatException">The bytes are not such a ledger.</exception>
    public static AdmissionLedger FromJson(ReadOnlySpan<byte> json)
    {
        var form = JsonDocuments.Read(json, CatalogJson.Default.AdmissionLedgerForm, "admission ledger", f => f.Version);
        var total = 0L;
        foreach (var amount in (form.Granted ??= []).Values)
        {
            StateReader.Check(amount >= 0 && amount <= form.Cap - total, "An admission ledger grants more than its cap.");
            total += amount;
        }
        StateReader.Check(form.Cap >= 0, "An admission ledger's cap is negative.");
        return new AdmissionLedger(form.Cap, form.Granted.ToImmutableSortedDictionary());
    }
}

/// <summary>As stored.</summary>
internal sealed class AdmissionLedgerForm
{
    [JsonRequired]
    public int Version { get; set; }

    [JsonRequired]
    public long Cap { get; set; }

    public SortedDictionary<int, long>? Granted { get; set; }
}
