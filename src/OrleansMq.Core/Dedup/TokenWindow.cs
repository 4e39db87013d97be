using System.Buffers;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Dedup;

public sealed class TokenWindow
{
    public TokenWindow(int maxCount, long maxAgeMs) => throw new NotImplementedException();
    public int Count => throw new NotImplementedException();
    public long ForgottenEarly => throw new NotImplementedException();
    public bool TryFind(TokenHash token, long nowMs, out long offset) => throw new NotImplementedException();
    public void ApplyRemembered(TokenHash token, long offset, long atMs) => throw new NotImplementedException();
    public void Expire(long nowMs) => throw new NotImplementedException();
    public void Limit(int maxCount, long maxAgeMs, long nowMs) => throw new NotImplementedException();
    public void Save(IBufferWriter<byte> output) => throw new NotImplementedException();
    public static TokenWindow Load(ref StateReader reader, int maxCount, long maxAgeMs) => throw new NotImplementedException();
}
