using System.Net;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Calls;

/// <summary>Consumer groups: membership goes to the coordinator, offsets to the cursors of the groups of that name.</summary>
internal sealed partial class KafkaCalls
{
    /// <summary>Kafka's limit for what is written beside an offset.</summary>
    private const int MaxNoteLength = 4_096;

    private async Task<bool> JoinGroup(RequestHeader header, JoinGroupRequest request, KafkaWriter writer)
    {
        var joined = new JoinedGroup { Member = request.Member };
        var error = await Coordinate(request.Group, async (coordinator, group) =>
        {
            joined = await coordinator.Join(
                group,
                new GroupJoin
                {
                    Member = request.Member,
                    Instance = request.Instance,
                    NameFirst = header.Version >= 4,
                    Client = header.ClientId,
                    Host = "/" + (connection.RemoteEndPoint as IPEndPoint)?.Address,
                    Session = TimeSpan.FromMilliseconds(request.SessionMs),
                    Rebalance = TimeSpan.FromMilliseconds(request.RebalanceMs),
                    ProtocolType = request.ProtocolType,
                    Protocols = request.Protocols,
                },
                ended);
        });
        if (error == KafkaError.InvalidRequest)
            error = KafkaError.InvalidSessionTimeout;
        else if (error == KafkaError.RequestTimedOut)
            error = KafkaError.GroupMaxSizeReached;
        JoinGroupResponse.Write(writer, header.Version, joined.JoinAgain ? KafkaError.MemberIdRequired : error, joined);
        return true;
    }

    private async Task<bool> SyncGroup(short version, SyncGroupRequest request, KafkaWriter writer)
    {
        ReadOnlyMemory<byte> assignment = default;
        var error = await Coordinate(request.Group, async (coordinator, group) => assignment = await coordinator.Sync(group, request.Member, request.Assignments, ended));
        SyncGroupResponse.Write(writer, version, error, assignment);
        return true;
    }

    private async Task<bool> Heartbeat(short version, HeartbeatRequest request, KafkaWriter writer)
    {
        HeartbeatResponse.Write(writer, version, await Coordinate(request.Group, (coordinator, group) => coordinator.Heartbeat(group, request.Member, ended)));
        return true;
    }

    private async Task<bool> LeaveGroup(short version, LeaveGroupRequest request, KafkaWriter writer)
    {
        IReadOnlyList<string?> codes = [];
        var error = await Coordinate(request.Group, async (coordinator, group) => codes = await coordinator.Leave(group, request.Members, ended));
        LeaveGroupResponse.Write(writer, version, error, [.. codes.Select((code, i) => (request.Members[i], code is null ? KafkaError.None : KafkaErrors.Of(code)))]);
        return true;
    }

    private async Task<bool> OffsetCommit(short version, OffsetCommitRequest request, KafkaWriter writer)
    {
        var errors = new KafkaError[request.Partitions.Count];
        var (offsets, places) = (new List<GroupOffset>(errors.Length), new List<int>(errors.Length));
        for (var i = 0; i < errors.Length; i++)
        {
            var asked = request.Partitions[i];
            errors[i] = !NameRule.IsValid(asked.Topic) ? KafkaError.InvalidTopic : asked.Note.Length > MaxNoteLength ? KafkaError.OffsetMetadataTooLarge : KafkaError.None;
            if (errors[i] != KafkaError.None)
                continue;
            offsets.Add(new GroupOffset(asked.Topic, asked.Partition, asked.Offset, asked.Note));
            places.Add(i);
        }
        var all = await Coordinate(request.Group, async (coordinator, group) =>
        {
            var results = await coordinator.Commit(group, request.IsAlone ? null : request.Member, offsets, ended);
            for (var i = 0; i < results.Count; i++)
                errors[places[i]] = results[i] is not { } refused ? KafkaError.None : refused.Code == ErrorCodes.Forbidden ? KafkaError.TopicAuthorizationFailed : OfGroup(refused.Code);
        });
        // Before that version nobody knew members' epochs.
        if (all == KafkaError.StaleMemberEpoch && version < 9)
            all = KafkaError.IllegalGeneration;
        if (all != KafkaError.None)
            Array.Fill(errors, all);
        OffsetCommitResponse.Write(writer, version, request.Partitions, errors);
        return true;
    }

    private async Task<bool> OffsetFetch(short version, OffsetFetchRequest request, KafkaWriter writer)
    {
        var found = new List<OffsetFetchFound>();
        foreach (var group in request.Groups)
            found.Add(await Committed(group, request.OnlyStable));
        OffsetFetchResponse.Write(writer, version, found);
        return true;
    }

    private async ValueTask<OffsetFetchFound> Committed(OffsetFetchGroup request, bool onlyStable)
    {
        IReadOnlyList<GroupOffset> committed = [];
        var topics = request.Partitions?.Select(partition => partition.Topic).Distinct().Where(NameRule.IsValid).Select(topic => new TopicName(topic)).ToList();
        HashSet<(string, int)> pending = [];
        var error = await Coordinate(request.Group, async (coordinator, group) =>
        {
            if (request.Member is { } member)
                await coordinator.CheckEpoch(group, member, ended);
            // Asked before the cursors: a transaction that ends in between has moved them by then.
            if (onlyStable && Broker.Transactions is { } transactions)
                pending = [.. (await transactions.Pending(group, ended)).Select(part => (part.Topic.Text, part.Partition))];
            committed = await coordinator.Committed(group, topics, ended);
        });
        // What passes: Kafka's own client repeats only this one, and throws the others out of its poll.
        if (error is KafkaError.CoordinatorNotAvailable or KafkaError.RequestTimedOut or KafkaError.StorageError)
            error = KafkaError.CoordinatorLoadInProgress;
        IEnumerable<OffsetFetchPartition> found = committed.Select(offset => new OffsetFetchPartition(offset.Topic.Text, offset.Partition, offset.Offset, offset.Note));
        if (request.Partitions is { } asked)
        {
            var known = found.ToDictionary(offset => (offset.Topic, offset.Partition));
            found = asked.Select(partition => known.TryGetValue((partition.Topic, partition.Partition), out var offset)
                ? offset
                : new OffsetFetchPartition(partition.Topic, partition.Partition, -1, "", May(AccessOperations.Describe, ResourceKind.Topic, partition.Topic) ? KafkaError.None : KafkaError.TopicAuthorizationFailed));
        }
        // A transaction that is not ended may still move them: the client asks again.
        if (pending.Count > 0)
            found = found.Select(offset => pending.Contains((offset.Topic, offset.Partition)) ? offset with { Offset = -1, Error = KafkaError.UnstableOffsetCommit } : offset);
        return new OffsetFetchFound(request.Group, error, [.. found]);
    }

    private async Task<bool> DescribeGroups(short version, DescribeGroupsRequest request, KafkaWriter writer)
    {
        var described = new List<DescribedGroup>();
        foreach (var name in request.Groups)
        {
            CoordinatedGroup? found = null;
            var error = await Coordinate(name, async (coordinator, group) => found = await coordinator.Describe(group, ended));
            if (found is { Kind: GroupKind.Consumer })
                found = null;
            // As Kafka: a group that is not there, or no classic one, is dead, and that is no error.
            described.Add(new DescribedGroup(name, error == KafkaError.GroupIdNotFound ? KafkaError.None : error, found?.Phase.ToString() ?? "Dead", found));
        }
        DescribeGroupsResponse.Write(writer, version, described);
        return true;
    }

    private async Task<bool> ListGroups(short version, ListGroupsRequest request, KafkaWriter writer)
    {
        var groups = new List<CoordinatedGroup>();
        var error = KafkaError.None;
        try
        {
            for (string? after = null; Broker.Coordinator is { } coordinator;)
            {
                var page = await coordinator.List(after, 1_000, ended);
                groups.AddRange(page.Items.Where(group => IsAsked(request.Phases, group.Phase.ToString()) && IsAsked(request.Kinds, group.Kind.ToString())));
                if ((after = page.Next) is null)
                    break;
            }
        }
        catch (MqException e)
        {
            error = OfGroup(e.Code);
        }
        ListGroupsResponse.Write(writer, version, error, groups);
        return true;
    }

    private static bool IsAsked(IReadOnlyList<string> asked, string name) => asked.Count == 0 || asked.Contains(name, StringComparer.OrdinalIgnoreCase);

    private async Task<bool> DeleteGroups(DeleteGroupsRequest request, KafkaWriter writer)
    {
        var results = new List<NamedResult>();
        foreach (var name in request.Groups)
        {
            var error = await Coordinate(name, (coordinator, group) => coordinator.Delete(group, ended));
            results.Add(new NamedResult(name, error == KafkaError.InconsistentGroupProtocol ? KafkaError.NonEmptyGroup : error));
        }
        NamedResponse.Write(writer, throttled: true, results);
        return true;
    }

    private async ValueTask<KafkaError> Coordinate(string group, Func<IGroupCoordinator, GroupName, ValueTask> call, Action<MqException>? refused = null)
    {
        if (!NameRule.IsValid(group))
            return KafkaError.InvalidGroupId;
        if (Broker.Coordinator is not { } coordinator)
            return KafkaError.CoordinatorNotAvailable;
        try
        {
            await call(coordinator, group);
            return KafkaError.None;
        }
        catch (MqException e)
        {
            refused?.Invoke(e);
            return OfGroup(e.Code);
        }
    }

    /// <summary>Where a group's call has another word for it.</summary>
    private static KafkaError OfGroup(string code) => code switch
    {
        ErrorCodes.PartitionUnavailable or ErrorCodes.OutcomeUnknown or ErrorCodes.DiskFull => KafkaError.CoordinatorNotAvailable,
        ErrorCodes.Conflict => KafkaError.InconsistentGroupProtocol,
        ErrorCodes.Forbidden => KafkaError.GroupAuthorizationFailed,
        _ => KafkaErrors.Of(code),
    };
}
