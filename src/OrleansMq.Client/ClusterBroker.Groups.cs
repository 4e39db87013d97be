using OrleansMq.Client;
using OrleansMq.Client.Grains;

namespace OrleansMq;

/// <summary>The calls about consumer groups.</summary>
public sealed partial class ClusterBroker
{
    public ValueTask<GroupDescription> PutGroup(TopicName topic, GroupName group, GroupChange change, CancellationToken cancel = default) =>
        OnGroup(topic, group, grain => grain.Put(change), Repeat.Freely, cancel);

    public ValueTask<GroupDescription> DescribeGroup(TopicName topic, GroupName group, CancellationToken cancel = default) =>
        OnGroup(topic, group, grain => grain.Describe(), Repeat.Freely, cancel);

    public async ValueTask DeleteGroup(TopicName topic, GroupName group, CancellationToken cancel = default)
    {
        await OnTopic(topic, async target => await _failover.Ask(async repeated =>
        {
            try
            {
                await GroupGrain(target, group).Delete();
            }
            catch (MqException gone) when (repeated && gone.Code == ErrorCodes.GroupUnknown)
            {
                // The try that nobody heard of deleted it.
            }

            return true;
        }, Repeat.Freely, cancel), cancel);
    }

    public async ValueTask<Page<GroupName>> ListGroups(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default)
    {
        await Topic(topic, cancel);
        return await _failover.Ask(() => TopicGrain(topic).ListGroups(after, max), Repeat.Freely, cancel);
    }

    /// <remarks>Where an answer is lost with its silo, its leases lapse, and the messages are delivered again.</remarks>
    public async ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default)
    {
        using var activity = BrokerDiagnostics.StartReceive(topic, group);
        // What was set aside is not waited for.
        var left = request.Deferred.Count > 0 ? TimeSpan.Zero : request.Wait;
        var until = _options.Time.GetUtcNow() + left;
        while (true)
        {
            var asked = left > MaxWait ? request with { Wait = MaxWait } : request with { Wait = left };
            var block = await OnGroup(topic, group, grain => grain.Receive(asked, cancel), Repeat.Freely, cancel);
            var deliveries = block.Read();
            left = until - _options.Time.GetUtcNow();
            if (deliveries.Count > 0 || left <= TimeSpan.Zero)
            {
                activity?.SetTag("messaging.batch.message_count", deliveries.Count);
                return deliveries;
            }
        }
    }

    /// <summary>A lease names its partition, so leases go straight there; everything else goes to the group.</summary>
    public async ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default)
    {
        using var activity = BrokerDiagnostics.StartSettle(topic, group, settlement.Leases.Count);
        return await OnTopic(topic, async target =>
        {
            var leases = settlement.Leases;
            if (settlement.UpTo.Count > 0 || leases.Count is 0 or > 10_000 || leases.Any(lease => lease.Partition < 0 || lease.Partition >= target.Settings.Partitions))
                return await _failover.Ask(
                    async repeated => Array.ConvertAll(await GroupGrain(target, group).Settle(settlement), result => result with { Code = Settled(settlement, result.Code, repeated) }), Repeat.Freely, cancel);
            var results = new SettleResult[leases.Count];
            if (leases.All(lease => lease.Partition == leases[0].Partition))
            {
                await SettleIn(target, group, settlement, leases[0].Partition, [.. Enumerable.Range(0, leases.Count)], results, cancel);
                return results;
            }

            var shares = Enumerable.Range(0, leases.Count).GroupBy(i => leases[i].Partition).ToList();
            try
            {
                await Task.WhenAll(shares.Select(share => SettleIn(
                    target, group, settlement.For([.. share.Select(i => leases[i])]), share.Key, [.. share], results, cancel)));
            }
            catch (MqException refusal) when (refusal.IsRetriable)
            {
                throw new MqException(ErrorCodes.OutcomeUnknown, $"A part of it may be done. {refusal.Message}", refusal.RetryAfter ?? TimeSpan.FromSeconds(1), refusal);
            }

            return results;
        }, cancel);
    }

    private async Task SettleIn(TopicTarget target, GroupName group, Settlement share, int partition, int[] places, SettleResult[] results, CancellationToken cancel)
    {
        var codes = await _failover.Ask(async repeated =>
        {
            var answer = await PartitionGrain(target, partition).Settle(group, share);
            return Array.ConvertAll(answer, code => Settled(share, code, repeated));
        }, Repeat.Freely, cancel);
        for (var i = 0; i < places.Length; i++)
            results[places[i]] = new SettleResult(share.Leases[i], codes[i]);
    }

    /// <summary>
    /// What the try that nobody heard of has acknowledged is not known any more: it is done. Of everything else that would be a guess, and a wrong one where the lease lapsed meanwhile:
    /// whoever believed that it had extended one would go on beside the message's next holder.
    /// </summary>
    private static string? Settled(Settlement asked, string? code, bool repeated) =>
        repeated && code == ErrorCodes.LeaseUnknown && asked is { Kind: SettlementKind.Acknowledge, Sessions.Count: 0 } ? null : code;

    public ValueTask<Assignment> Join(TopicName topic, GroupName group, string member, TimeSpan sessionTimeout, CancellationToken cancel = default) =>
        OnGroup(topic, group, grain => grain.Join(member, sessionTimeout), Repeat.Freely, cancel);

    public async ValueTask Heartbeat(TopicName topic, GroupName group, string member, int generation, CancellationToken cancel = default) =>
        await OnGroup(topic, group, grain => Done(grain.Heartbeat(member, generation)), Repeat.Freely, cancel);

    public async ValueTask Leave(TopicName topic, GroupName group, string member, CancellationToken cancel = default) =>
        await OnTopic(topic, async target => await _failover.Ask(async repeated =>
        {
            try
            {
                await GroupGrain(target, group).Leave(member);
            }
            catch (MqException gone) when (repeated && gone.Code == ErrorCodes.MemberUnknown)
            {
                // The try that nobody heard of took it out.
            }

            return true;
        }, Repeat.Freely, cancel), cancel);

    public async ValueTask Commit(TopicName topic, GroupName group, CommitRequest request, CancellationToken cancel = default) =>
        await OnGroup(topic, group, grain => Done(grain.Commit(request)), Repeat.Freely, cancel);

    public async ValueTask Seek(TopicName topic, GroupName group, SeekRequest request, CancellationToken cancel = default) =>
        await OnGroup(topic, group, grain => Done(grain.Seek(request)), Repeat.Freely, cancel);

    public ValueTask<int> Redrive(TopicName topic, GroupName group, DeadLetterSelection selection, Message? replace = null, CancellationToken cancel = default)
    {
        // Checked here: what is not available yet does not cross.
        if (replace is not null)
            MessageCodec.Validate(replace);
        return OnGroup(topic, group, grain => grain.Redrive(selection, replace), Repeat.UnlessItMayHaveHappened, cancel);
    }

    public ValueTask<int> Discard(TopicName topic, GroupName group, DeadLetterSelection selection, CancellationToken cancel = default) =>
        OnGroup(topic, group, grain => grain.Discard(selection), Repeat.UnlessItMayHaveHappened, cancel);

    public ValueTask<Reconciliation> Reconcile(TopicName topic, GroupName group, ReconcileRequest request, CancellationToken cancel = default) =>
        OnGroup(topic, group, grain => grain.Reconcile(request), Repeat.Freely, cancel);

    /// <remarks>Where an answer is lost and the call is made again, what the first did is not counted.</remarks>
    public ValueTask<int> Redeliver(TopicName topic, GroupName group, RedeliverRequest request, CancellationToken cancel = default) =>
        OnGroup(topic, group, grain => grain.Redeliver(request), Repeat.UnlessItMayHaveHappened, cancel);

    /// <remarks>What sets a version's state does not hide that the try that nobody heard of has set it: the second is refused, and who asks sees.</remarks>
    public ValueTask<SessionState> Session(TopicName topic, GroupName group, SessionRequest request, CancellationToken cancel = default) =>
        OnGroup(topic, group, grain => grain.Session(request), request.Version is null ? Repeat.Freely : Repeat.UnlessItMayHaveHappened, cancel);

    private ValueTask<T> OnGroup<T>(TopicName topic, GroupName group, Func<IConsumerGroupGrain, Task<T>> ask, Repeat repeat, CancellationToken cancel) =>
        OnTopic(topic, async target => await _failover.Ask(() => ask(GroupGrain(target, group)), repeat, cancel), cancel);

    private static async Task<bool> Done(Task call)
    {
        await call;
        return true;
    }
}
