using System.Buffers;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Cursors;

public class QueueCursor
{
    public QueueCursor(long start, Redelivery rules) => throw new NotImplementedException();
    public long Floor => throw new NotImplementedException();
    public long Next => throw new NotImplementedException();
    public int InFlight => throw new NotImplementedException();
    public int Returned => throw new NotImplementedException();
    public int Exhausted => throw new NotImplementedException();
    public long Dropped => throw new NotImplementedException();
    public long? NextDeadline => throw new NotImplementedException();
    public string? LastHolder => throw new NotImplementedException();
    public Redelivery Rules { get => throw new NotImplementedException(); set => throw new NotImplementedException(); }
    public long Unsettled(long laneEnd) => throw new NotImplementedException();
    public bool IsSettled(long offset) => throw new NotImplementedException();
    public virtual int Select(long nowMs, int max, long laneEnd, List<GrantRange> into) => throw new NotImplementedException();
    public int SelectUpTo(long offset, List<OffsetRange> into) => throw new NotImplementedException();
    public int SelectExhausted(int max, List<long> into) => throw new NotImplementedException();
    public LeaseState Check(LeaseId lease, long nowMs) => throw new NotImplementedException();
    public bool Holds(string consumer, long nowMs) => throw new NotImplementedException();
    public virtual bool WantsKeys(long laneEnd, out long from, out int count) => throw new NotImplementedException();
    public virtual void Offer(long from, ReadOnlySpan<ulong> keyHashes) => throw new NotImplementedException();
    public void ApplyGranted(GrantRange range, long untilMs, int epoch, string consumer) => throw new NotImplementedException();
    public void ApplySettled(long from, int count) => throw new NotImplementedException();
    public void ApplyReturned(long offset, long notBeforeMs) => throw new NotImplementedException();
    public void ApplyExtended(long offset, long untilMs) => throw new NotImplementedException();
    public void ApplySought(long offset) => throw new NotImplementedException();
    public void ApplyDropped(long newStart) => throw new NotImplementedException();
    public void ClampTo(long laneEnd) => throw new NotImplementedException();
    public int Lapse(long nowMs) => throw new NotImplementedException();
    public void Save(IBufferWriter<byte> output) => throw new NotImplementedException();
    public static QueueCursor Load(ref StateReader reader, Redelivery rules, bool byKey = false) => throw new NotImplementedException();
}
