using System.Net;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Calls;

/// <summary>The consumer protocol (KIP-848): the coordinator assigns; here patterns become names, with the eyes of who asks.</summary>
internal sealed partial class KafkaCalls
{
    /// <summary>Members with a pattern that beat over one connection. A client has one.</summary>
    private const int MaxPatterns = 100;

    /// <summary>How late a topic that was made is matched; as Kafka.</summary>
    private static readonly TimeSpan MatchAgain = TimeSpan.FromSeconds(10);

    /// <summary>Of members that beat here. One that came by another connection says its pattern again, as every client does when it connects anew.</summary>
    private readonly Dictionary<(string Group, string Member), (TopicPattern Pattern, long MatchedAt)> _patterns = [];

    /// <summary>Whose names and topics: tenants' are their own.</summary>
    private string Who => login.Principal?.Name ?? "";

    private async Task<bool> ConsumerGroupHeartbeat(RequestHeader header, ConsumerGroupHeartbeatRequest request, KafkaWriter writer)
    {
        // Until version 1 the members had their names from here.
        if (request.Member.Length == 0 && header.Version == 0 && request.Epoch == 0)
            request = request with { Member = Guid.NewGuid().ToString() };
        MemberStanding? standing = null;
        var (error, why) = await Beat(header, request, answer => standing = answer);
        foreach (var topic in standing?.Assigned ?? [])
            desk.TopicIds.Note(Who, topic.Id, topic.Topic.Text);
        ConsumerGroupHeartbeatResponse.Write(writer, error, why, standing, Options.ConsumerHeartbeat);
        return true;
    }

    private async ValueTask<(KafkaError Error, string? Why)> Beat(RequestHeader header, ConsumerGroupHeartbeatRequest request, Action<MemberStanding> answered)
    {
        if (!NameRule.IsValid(request.Group))
            return (KafkaError.InvalidGroupId, null);
        if (Broker.Coordinator is not { } coordinator)
            return (KafkaError.CoordinatorNotAvailable, null);
        if (request.Topics?.FirstOrDefault(topic => NameRule.IsValid(topic) && !May(AccessOperations.Describe, ResourceKind.Topic, topic)) is { } hidden && May(AccessOperations.Consume, ResourceKind.Group, request.Group))
            return (KafkaError.TopicAuthorizationFailed, $"Topic '{hidden}' may not be described.");
        try
        {
            if (NewPattern(request, out var fault) is false)
                return (KafkaError.InvalidRegularExpression, fault);
            answered(await coordinator.Beat(request.Group, await BeatOf(header, request), ended));
            if (request.Epoch < 0)
                _patterns.Remove((request.Group, request.Member));
            return (KafkaError.None, null);
        }
        catch (MqException e)
        {
            return (e.Code == ErrorCodes.Overloaded ? KafkaError.GroupMaxSizeReached : OfGroup(e.Code), e.Message);
        }
    }

    /// <returns>False: it is none.</returns>
    private bool NewPattern(ConsumerGroupHeartbeatRequest request, out string? why)
    {
        why = null;
        var member = (request.Group, request.Member);
        if (request.Regex is null && request.Epoch != 0)
            return true;
        _patterns.Remove(member);
        if (string.IsNullOrEmpty(request.Regex))
            return true;
        if (TopicPattern.Parse(request.Regex, out why) is not { } pattern)
            return false;
        if (_patterns.Count >= MaxPatterns)
            _patterns.Clear();
        _patterns[member] = (pattern, 0);
        return true;
    }

    private async ValueTask<MemberBeat> BeatOf(RequestHeader header, ConsumerGroupHeartbeatRequest request) => new()
    {
        Member = request.Member,
        Epoch = request.Epoch,
        Instance = request.Instance,
        Rack = request.Rack,
        Client = header.ClientId,
        Host = "/" + (connection.RemoteEndPoint as IPEndPoint)?.Address,
        Session = Options.ConsumerSession,
        Rebalance = request.RebalanceMs == -1 ? null : TimeSpan.FromMilliseconds(request.RebalanceMs),
        // A name that can't be is a topic that is not there.
        Topics = request.Topics?.Where(NameRule.IsValid).Select(topic => new TopicName(topic)).ToList(),
        Pattern = request.Regex,
        Matched = request.Epoch < 0 ? null : await Matched((request.Group, request.Member)),
        Assignor = request.Assignor,
        Owned = request.Owned,
    };

    /// <summary>Now and then, and when the pattern is new; else null.</summary>
    private async ValueTask<IReadOnlyList<TopicName>?> Matched((string Group, string Member) member)
    {
        if (!_patterns.TryGetValue(member, out var known))
            return null;
        var now = Options.Time.GetTimestamp();
        if (known.MatchedAt != 0 && Options.Time.GetElapsedTime(known.MatchedAt, now) < MatchAgain)
            return null;
        TopicName[] matched = [.. (await AllTopics()).Where(known.Pattern.Matches).Select(topic => new TopicName(topic))];
        _patterns[member] = (known.Pattern, now);
        return matched;
    }

    private async Task<bool> ConsumerGroupDescribe(ConsumerGroupDescribeRequest request, KafkaWriter writer)
    {
        var described = new List<DescribedConsumerGroup>();
        foreach (var name in request.Groups)
        {
            AssignedGroup? found = null;
            string? why = null;
            var error = await Coordinate(name, async (coordinator, group) => found = await coordinator.DescribeAssigned(group, ended), e => why = e.Message);
            if (error == KafkaError.GroupAuthorizationFailed && May(AccessOperations.Describe, ResourceKind.Group, name))
                // Which topic is not theirs to know.
                (error, why) = (KafkaError.TopicAuthorizationFailed, "The group has a topic that may not be described.");
            described.Add(new DescribedConsumerGroup(name, error, why, found));
        }
        ConsumerGroupDescribeResponse.Write(writer, described);
        return true;
    }
}
