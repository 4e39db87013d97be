using System.Text.Json.Serialization;

namespace OrleansMq.Core.Groups;

/// <summary>How it is stored.</summary>
public sealed partial class AssigningGroup
{
    internal AssigningForm Save()
    {
        // What several want stands there once.
        var places = new Dictionary<string[], int>();
        foreach (var list in members.SelectMany(m => new[] { m.Names, m.Matched }))
            places.TryAdd(list, places.Count);
        return new AssigningForm
        {
            Epoch = Epoch,
            Assignor = Assignor,
            Topics = [.. topics.All.OrderBy(t => t.Name, StringComparer.Ordinal).Select(t => new SeenTopicForm { Name = t.Name, Id = t.Id, Partitions = t.Partitions })],
            Names = [.. places.Keys],
            Members = [.. members.Select(m => Save(m, places))],
        };
    }

    private static AssigningMemberForm Save(Member member, Dictionary<string[], int> places) => new()
    {
        Name = member.Name,
        Instance = member.Instance,
        Rack = member.Rack,
        Client = member.Client,
        Host = member.Host,
        SessionMs = member.SessionMs,
        RebalanceMs = member.RebalanceMs,
        Assignor = member.Assignor,
        Pattern = member.Pattern,
        Topics = places[member.Names],
        Matched = places[member.Matched],
        Epoch = member.Epoch,
        Previous = member.Previous,
        Held = FormOf(member.Held),
        Giving = FormOf(member.Giving),
        Target = FormOf(member.Target),
    };

    /// <summary>Every member has a fresh session, and all its time to give up.</summary>
    /// <exception cref="ArgumentException">It holds what can't be.</exception>
    internal static AssigningGroup Load(AssigningForm form, long nowMs)
    {
        if (form.Epoch < 0 || form.Members.Length > MaxMembers || form.Members.Any(m => m.Epoch > form.Epoch))
            throw new ArgumentException("The group's epoch or members can't be.");
        var group = new AssigningGroup { Epoch = form.Epoch, Assignor = form.Assignor };
        foreach (var member in form.Members)
            group.Add(group.Load(member, form.Names, nowMs));
        foreach (var topic in form.Topics.Where(topic => group.Wants(topic.Name)))
            group.topics.Restore(new SeenTopic(topic.Name, topic.Id, topic.Partitions));
        return group;
    }

    private Member Load(AssigningMemberForm form, string[][] stored, long nowMs)
    {
        if (form.Topics < 0 || form.Topics >= stored.Length || form.Matched < 0 || form.Matched >= stored.Length)
            throw new ArgumentException($"The topics of member '{form.Name}' are not there.");
        var member = new Member
        {
            Name = form.Name,
            Instance = form.Instance,
            Rack = form.Rack,
            Client = form.Client,
            Host = form.Host,
            SessionMs = form.SessionMs,
            RebalanceMs = form.RebalanceMs,
            Assignor = form.Assignor,
            Pattern = form.Pattern,
            Names = lists.Use(stored[form.Topics]),
            Matched = lists.Use(stored[form.Matched]),
            Epoch = form.Epoch,
            Previous = form.Previous,
            Target = PartsOf(form.Target),
            GivesSinceMs = nowMs,
        };
        Hold(member, PartsOf(form.Held), PartsOf(form.Giving));
        Hear(member, nowMs);
        return member;
    }

    private static Dictionary<string, int[]> FormOf(HashSet<TopicPart> parts) =>
        parts.GroupBy(part => part.Topic).OrderBy(topic => topic.Key).ToDictionary(topic => topic.Key.ToString("N"), topic => topic.Select(part => part.Partition).Order().ToArray());

    private static HashSet<TopicPart> PartsOf(Dictionary<string, int[]> form) =>
        [.. form.SelectMany(topic => topic.Value.Select(partition => new TopicPart(Guid.TryParseExact(topic.Key, "N", out var id) ? id : throw new ArgumentException($"'{topic.Key}' is no topic's id."), partition)))];
}

/// <summary>As stored.</summary>
internal sealed class AssigningForm
{
    public int Epoch { get; set; }
    public string Assignor { get; set; } = "";
    public SeenTopicForm[] Topics { get; set; } = [];

    /// <summary>Lists of topics, which members name by their places.</summary>
    public string[][] Names { get; set; } = [];

    public AssigningMemberForm[] Members { get; set; } = [];
}

/// <summary>As stored.</summary>
internal sealed class SeenTopicForm
{
    [JsonRequired]
    public string Name { get; set; } = "";

    public Guid Id { get; set; }
    public int Partitions { get; set; }
}

/// <summary>As stored.</summary>
internal sealed class AssigningMemberForm
{
    [JsonRequired]
    public string Name { get; set; } = "";

    public string? Instance { get; set; }
    public string? Rack { get; set; }
    public string Client { get; set; } = "";
    public string Host { get; set; } = "";
    public long SessionMs { get; set; }
    public long RebalanceMs { get; set; }
    public string Assignor { get; set; } = "";
    public string Pattern { get; set; } = "";
    public int Topics { get; set; }
    public int Matched { get; set; }
    public int Epoch { get; set; }
    public int Previous { get; set; }
    public Dictionary<string, int[]> Held { get; set; } = [];
    public Dictionary<string, int[]> Giving { get; set; } = [];
    public Dictionary<string, int[]> Target { get; set; } = [];
}
