using System.Net;
using OrleansMq.Access;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Calls;

/// <summary>The consumer protocol (KIP-848): the coordinator assigns; here patterns become names, with the eyes of who asks.</summary>
internal sealed partial class KafkaCalls
{
    /// <summary>Members with a pattern that beat over one connection. A client has one.</summary>
    private const int MaxPatterns = 100;

    /// <summary>Of members that beat here, with what was brought last of what they match. One that came by another connection and does not say its pattern again has the one that the coordinator knows.</summary>
    private readonly Dictionary<(string Group, string Member), (TopicPattern Pattern, TopicName[]? Brought)> _patterns = [];

    private Asker _asker = new(null);

    /// <summary>Whose names and topics: tenants' are their own, and a token says what it may see.</summary>
    private string Who => (_asker.Is(login.Principal) ? _asker : _asker = new Asker(login.Principal)).Key;

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
            // Before anything is kept or looked for in its name.
            Demand(AccessOperations.Consume, ResourceKind.Group, request.Group);
            if (NewPattern(request, out var fault) is false)
                return (KafkaError.InvalidRegularExpression, fault);
            var matched = request.Epoch < 0 ? null : await Matched((request.Group, request.Member));
            var standing = await coordinator.Beat(request.Group, BeatOf(header, request, matched), ended);
            Keep((request.Group, standing.Member), standing, matched);
            answered(standing);
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
        // It did not change; also where it comes again.
        if (request.Regex is null)
            return true;
        var member = (request.Group, request.Member);
        _patterns.Remove(member);
        if (request.Regex.Length == 0)
            return true;
        if (TopicPattern.Parse(request.Regex, out why) is not { } pattern)
            return false;
        Remember(member, pattern);
        return true;
    }

    private void Remember((string Group, string Member) member, TopicPattern pattern)
    {
        if (_patterns.Count >= MaxPatterns)
            _patterns.Clear();
        _patterns[member] = (pattern, null);
    }

    private void Keep((string Group, string Member) member, MemberStanding standing, TopicName[]? brought)
    {
        var known = _patterns.TryGetValue(member, out var pattern);
        if (standing.Epoch < 0 || standing.Pattern is { Length: 0 })
            _patterns.Remove(member);
        else if (standing.Pattern is { } text && (!known || pattern.Pattern.Text != text) && TopicPattern.Parse(text, out _) is { } kept)
            Remember(member, kept);
        else if (known && brought is not null)
            _patterns[member] = (pattern.Pattern, brought);
    }

    private MemberBeat BeatOf(RequestHeader header, ConsumerGroupHeartbeatRequest request, TopicName[]? matched) => new()
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
        Matched = matched,
        Assignor = request.Assignor,
        Owned = request.Owned,
    };

    /// <summary>Where it is another list than what was brought last; else null. Of what was found before, a right may be gone since: the guard would refuse the whole beat.</summary>
    private async ValueTask<TopicName[]?> Matched((string Group, string Member) member)
    {
        if (!_patterns.TryGetValue(member, out var known))
            return null;
        var matched = await desk.Matches.Of(Who, known.Pattern, () => AllTopics(desk.Stopping));
        if (IsBrought(matched))
            return null;
        TopicName[] seen = [.. matched.Where(topic => May(AccessOperations.Describe, ResourceKind.Topic, topic.Text))];
        return IsBrought(seen) ? null : seen;

        bool IsBrought(TopicName[] topics) => known.Brought is { } brought && topics.AsSpan().SequenceEqual(brought);
    }

    private sealed class Asker(Principal? principal)
    {
        public string Key { get; } = principal is null ? "" : string.Join('\n', [principal.Name, principal.Tenant ?? "", .. principal.Teams]);

        public bool Is(Principal? other) => ReferenceEquals(principal, other);
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
