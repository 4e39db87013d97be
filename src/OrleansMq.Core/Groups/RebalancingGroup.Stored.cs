using System.Text.Json.Serialization;

namespace OrleansMq.Core.Groups;

/// <summary>How it is stored. Calls that wait are not: who made them is gone with whoever kept the group.</summary>
public sealed partial class RebalancingGroup
{
    internal RebalancingForm Save() => new()
    {
        Generation = Generation,
        ProtocolType = ProtocolType,
        Protocol = Protocol,
        Leader = Leader,
        Stable = Phase == GroupPhase.Stable,
        Members = [.. members.Select(m => new RebalancingMemberForm
        {
            Name = m.Name,
            Instance = m.Instance,
            Client = m.Client,
            Host = m.Host,
            SessionMs = m.SessionMs,
            RebalanceMs = m.RebalanceMs,
            Assignment = m.Assignment,
            Protocols = [.. m.Protocols.Select(p => new RebalancingProtocolForm { Name = p.Name, Metadata = p.Metadata.ToArray() })],
        })],
    };

    /// <summary>A generation that had its assignments goes on; one that was being formed is formed anew.</summary>
    /// <exception cref="ArgumentException">It holds what can't be.</exception>
    internal static RebalancingGroup Load(RebalancingForm form, long nowMs)
    {
        if (form.Generation < 0 || form.Members.Length > MaxMembers)
            throw new ArgumentException("The group's generation or members can't be.");
        var group = new RebalancingGroup { Generation = form.Generation, ProtocolType = form.ProtocolType, Protocol = form.Protocol, Leader = form.Leader };
        foreach (var member in form.Members)
        {
            group.members.Add(new Member
            {
                Name = member.Name,
                Instance = member.Instance,
                Client = member.Client,
                Host = member.Host,
                SessionMs = member.SessionMs,
                RebalanceMs = member.RebalanceMs,
                Assignment = member.Assignment,
                Protocols = [.. member.Protocols.Select(p => new GroupProtocol(p.Name, p.Metadata))],
                SeenMs = nowMs,
            });
        }

        if (group.members.Count == 0)
            return group;
        if (form.Stable)
            group.Phase = GroupPhase.Stable;
        else
            group.Prepare(nowMs);
        return group;
    }
}

/// <summary>As stored.</summary>
internal sealed class RebalancingForm
{
    public int Generation { get; set; }
    public string ProtocolType { get; set; } = "";
    public string Protocol { get; set; } = "";
    public string Leader { get; set; } = "";
    public bool Stable { get; set; }
    public RebalancingMemberForm[] Members { get; set; } = [];
}

/// <summary>As stored.</summary>
internal sealed class RebalancingMemberForm
{
    [JsonRequired]
    public string Name { get; set; } = "";

    public string? Instance { get; set; }
    public string Client { get; set; } = "";
    public string Host { get; set; } = "";
    public long SessionMs { get; set; }
    public long RebalanceMs { get; set; }
    public byte[] Assignment { get; set; } = [];
    public RebalancingProtocolForm[] Protocols { get; set; } = [];
}

/// <summary>As stored.</summary>
internal sealed class RebalancingProtocolForm
{
    [JsonRequired]
    public string Name { get; set; } = "";

    public byte[] Metadata { get; set; } = [];
}
