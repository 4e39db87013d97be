using System.Runtime.CompilerServices;
using OrleansMq.Json;

namespace OrleansMq.Access;

/// <summary>
/// How many topics, partitions and groups a tenant may have. They are counted when there is to be one more: what is used again and again is not. Nodes count by themselves, so what two
/// make in the same moment may exceed.
/// </summary>
internal sealed partial class TenantBroker
{
    private async ValueTask<TopicDescription> WithRoom(TopicName topic, TopicChange change, Func<ValueTask<TopicDescription>> put, CancellationToken cancel)
    {
        var (topics, partitions, tokens) = (LimitOf(QuotaKind.Topics), LimitOf(QuotaKind.Partitions), LimitOf(QuotaKind.Tokens));
        if (topics is null && partitions is null && tokens is null)
            return await put();
        await _names.Turn.WaitAsync(cancel);
        try
        {
            var remembered = tokens is { } most ? await DemandTokens(topic, change, most, cancel) : 0;
            if (await IsTopic(topic, cancel))
            {
                await DemandRoomToGrow(topic, change, partitions, cancel);
                return await put();
            }

            var (count, parts) = (0L, 0L);
            if (partitions is null)
                await foreach (var each in Topics(cancel))
                    count++;
            else
                await foreach (var each in Described(cancel))
                    (count, parts) = (count + 1, parts + each.Partitions.Count);
            if (count >= topics)
                throw Reached(QuotaKind.Topics, topics.Value);
            if (parts + Math.Max(1, change.Partitions.Value) > partitions)
                throw Reached(QuotaKind.Partitions, partitions.Value);
            var made = await put();
            // Where none were asked for it is the host that says how many.
            var over = parts + made.Partitions.Count > partitions ? QuotaKind.Partitions
                : remembered + TokensOf(made) > tokens ? QuotaKind.Tokens : (QuotaKind?)null;
            if (over is { } kind)
            {
                // One that another node made in the same moment is not this one's to take away.
                if (made.Created)
                    await DeleteTopic(topic, cancel);
                throw Reached(kind, LimitOf(kind) ?? 0);
            }
            return made;
        }
        finally
        {
            _names.Turn.Release();
        }
    }

    /// <exception cref="MqException"><see cref="ErrorCodes.QuotaReached"/>: all topics together, this one as it would be, may remember more tokens than that.</exception>
    /// <returns>How many the others may.</returns>
    private async ValueTask<long> DemandTokens(TopicName topic, TopicChange change, long limit, CancellationToken cancel)
    {
        var (others, own, before, partitions) = (0L, 0L, new TopicSettings(), 1);
        await foreach (var found in Described(cancel))
        {
            var remembered = TokensOf(found);
            if (found.Name == topic)
                (own, before, partitions) = (remembered, found.Settings, found.Partitions.Count);
            else
                others += remembered;
        }

        var wanted = (long)change.Partitions.Over(partitions, 1) * change.TokenCount.Over(before.TokenCount, new TopicSettings().TokenCount);
        return wanted > own && others + wanted > limit ? throw Reached(QuotaKind.Tokens, limit) : others;
    }

    /// <exception cref="MqException"><see cref="ErrorCodes.QuotaReached"/>: with those that it would have more there would be too many.</exception>
    private async ValueTask DemandRoomToGrow(TopicName topic, TopicChange change, long? limit, CancellationToken cancel)
    {
        if (limit is null || change.Partitions.Kind != ChangeKind.Set)
            return;
        var (all, now) = (0L, 0);
        await foreach (var found in Described(cancel))
        {
            all += found.Partitions.Count;
            now = found.Name == topic ? found.Partitions.Count : now;
        }

        if (change.Partitions.Value > now && all + change.Partitions.Value - now > limit)
            throw Reached(QuotaKind.Partitions, limit.Value);
    }

    /// <exception cref="MqException"><see cref="ErrorCodes.QuotaReached"/>: the group is not there, and there are as many as there may be.</exception>
    private async ValueTask DemandRoom(TopicName topic, GroupName group, CancellationToken cancel)
    {
        // The broker's own group on a topic of its own is nobody's to count.
        if ((_isOwn && IsReserved(topic)) || LimitOf(QuotaKind.Groups) is not { } limit || _names.Counted.Has(topic, group))
            return;
        // One that goes by itself is never remembered, and while it is there nothing is made by its use.
        if (await IsEphemeral(topic, group, cancel))
            return;
        await _names.Turn.WaitAsync(cancel);
        try
        {
            var (count, isThere) = (0L, false);
            await foreach (var each in Topics(cancel))
            {
                string? after = null;
                do
                {
                    var page = await ListGroups(each, after, PageSize.Max, cancel);
                    isThere |= each == topic && page.Items.Contains(group);
                    count += page.Items.Count;
                    after = page.Next;
                }
                while (after is not null);
            }
            if (count >= limit && !isThere)
                throw Reached(QuotaKind.Groups, limit);
            _names.Counted.Add(topic, group);
        }
        finally
        {
            _names.Turn.Release();
        }
    }

    private async ValueTask<bool> IsEphemeral(TopicName topic, GroupName group, CancellationToken cancel)
    {
        try
        {
            return (await DescribeGroup(topic, group, cancel)).Settings.DeleteAfterIdle is not null;
        }
        catch (MqException unknown) when (unknown.Code is ErrorCodes.GroupUnknown or ErrorCodes.TopicUnknown)
        {
            return false;
        }
    }

    private static long TokensOf(TopicDescription topic) => (long)topic.Partitions.Count * topic.Settings.TokenCount;

    /// <summary>All topics but those that are deleted meanwhile.</summary>
    private async IAsyncEnumerable<TopicDescription> Described([EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var topic in Topics(cancel))
        {
            TopicDescription found;
            try
            {
                found = await DescribeTopic(topic, cancel);
            }
            catch (MqException gone) when (gone.Code == ErrorCodes.TopicUnknown)
            {
                continue;
            }

            yield return found;
        }
    }

    /// <summary>Those of <see cref="Topics"/>, and those in which the tenant has things stored by its schedules.</summary>
    private async IAsyncEnumerable<TopicName> StoringTopics([EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var topic in Topics(cancel))
            yield return topic;
        yield return ScheduleTopics.Schedules;
        yield return ScheduleTopics.Due;
        yield return ScheduleTopics.Reports;
    }

    private async IAsyncEnumerable<TopicName> Topics([EnumeratorCancellation] CancellationToken cancel)
    {
        string? after = null;
        do
        {
            var page = await ListTopics("", after, PageSize.Max, cancel);
            foreach (var topic in page.Items.Where(topic => !topic.Text.StartsWith(AccessState.ReservedPrefix, StringComparison.Ordinal)))
                yield return topic;
            after = page.Next;
        }
        while (after is not null);
    }

    private long? LimitOf(QuotaKind kind) => _quotas.LimitOf(QuotaScope.Tenant, _names.Tenant, kind);

    private MqException Reached(QuotaKind kind, long limit) =>
        new(ErrorCodes.QuotaReached, $"The quota {AccessJson.QuotaKinds.Write(kind)} of tenant {_names.Tenant}, {limit}, is reached.");
}
