namespace OrleansMq.Core.Limits;

public sealed class AdmissionLedger
{
    public static AdmissionLedger Empty(long cap) => throw new NotImplementedException();
    public long Cap => throw new NotImplementedException();
    public long Pool => throw new NotImplementedException();
    public long GrantedTo(int partition) => throw new NotImplementedException();
    public AdmissionLedger Grant(int partition, long need, int partitions, out long granted) => throw new NotImplementedException();
    public AdmissionLedger Return(int partition, long unused) => throw new NotImplementedException();
    public AdmissionLedger Recap(long cap) => throw new NotImplementedException();
    public byte[] ToJson() => throw new NotImplementedException();
    public static AdmissionLedger FromJson(ReadOnlySpan<byte> json) => throw new NotImplementedException();
}
