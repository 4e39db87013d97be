namespace OrleansMq.Core.Groups;

public sealed class Membership
{
    public const int MaxMembers = 10_000;
    public static readonly TimeSpan MinSession = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan MaxSession = TimeSpan.FromMinutes(30);
    public int Generation => throw new NotImplementedException();
    public int Count => throw new NotImplementedException();
    public long? NextDeadline => throw new NotImplementedException();
    public bool Join(string member, TimeSpan session, long nowMs) => throw new NotImplementedException();
    public string? Check(string member, int generation) => throw new NotImplementedException();
    public string? Heartbeat(string member, int generation, long nowMs) => throw new NotImplementedException();
    public bool Leave(string member) => throw new NotImplementedException();
    public int Expire(long nowMs) => throw new NotImplementedException();
    public Assignment AssignmentOf(string member, int partitions, int? maxActive) => throw new NotImplementedException();
    public IReadOnlyList<GroupMember> Describe(int partitions, int? maxActive) => throw new NotImplementedException();
}
