namespace OrleansMq.Access;

internal sealed partial class TenantBroker
{
    public async ValueTask<GroupDescription> PutGroup(TopicName topic, GroupName group, GroupChange change, CancellationToken cancel = default)
    {
        // An ephemeral one may have gone by itself since it was counted, and another may have its name's dead letters.
        if (change.DeleteAfterIdle.Value is not null)
            Forget(topic, group);
        await DemandFree(topic, group, cancel);
        await DemandRoom(topic, group, cancel);
        try
        {
            var put = await Shown(_inner.PutGroup(await InOrDeadLetters(topic, cancel), _names.In(group), change, cancel), group);
            if (put.Settings.DeleteAfterIdle is not null)
                Forget(topic, group);
            return put;
        }
        catch (MqException) when (change.DeleteAfterIdle.Value is not null)
        {
            // Whether it was made may not be known.
            Forget(topic, group);
            throw;
        }
    }

    private void Forget(TopicName topic, GroupName group)
    {
        _names.Free.Remove(topic, group);
        _names.Counted.Remove(topic, group);
    }

    // Behind the prefixes the two names differ, so the broker itself can't see that one is taken.
    private async ValueTask DemandFree(TopicName topic, GroupName group, CancellationToken cancel)
    {
        if (_names.Free.Has(topic, group))
            return;
        var letters = TopicName.DeadLettersOf(topic, group);
        if (NameRule.IsValid(letters) && await IsTopic(letters, cancel))
            throw new MqException(ErrorCodes.NameTaken, $"A topic has the name of the group's dead letters, '{letters}'.");
        _names.Free.Add(topic, group);
    }

    private async ValueTask<bool> IsTopic(TopicName name, CancellationToken cancel)
    {
        try
        {
            await _inner.DescribeTopic(_names.In(name), cancel);
            return true;
        }
        catch (MqException e) when (e.Code is ErrorCodes.TopicUnknown or ErrorCodes.Malformed)
        {
            return false;
        }
    }

    public ValueTask<GroupDescription> DescribeGroup(TopicName topic, GroupName group, CancellationToken cancel = default) =>
        Shown(_inner.DescribeGroup(_names.In(topic), _names.In(group), cancel), group);

    public async ValueTask DeleteGroup(TopicName topic, GroupName group, CancellationToken cancel = default)
    {
        await _names.Shown(_inner.DeleteGroup(_names.In(topic), _names.In(group), cancel));
        Forget(topic, group);
    }

    public async ValueTask<Page<GroupName>> ListGroups(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default) =>
        _names.Out(await Shown(_inner.ListGroups(_names.In(topic), _names.InList(after), max, cancel)), group => group.Text, (group, text) => text);

    public async ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default)
    {
        // By its id it makes none.
        if (request.GroupId is null)
        {
            await DemandFree(topic, group, cancel);
            await DemandRoom(topic, group, cancel);
        }

        return await Shown(_inner.Receive(_names.In(topic), _names.In(group), request, cancel));
    }

    public ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default) =>
        Shown(_inner.Settle(_names.In(topic), _names.In(group), settlement, cancel));

    public async ValueTask<Assignment> Join(TopicName topic, GroupName group, string member, TimeSpan sessionTimeout, CancellationToken cancel = default)
    {
        await DemandRoom(topic, group, cancel);
        return await Shown(_inner.Join(_names.In(topic), _names.In(group), member, sessionTimeout, cancel));
    }

    public ValueTask Heartbeat(TopicName topic, GroupName group, string member, int generation, CancellationToken cancel = default) =>
        _names.Shown(_inner.Heartbeat(_names.In(topic), _names.In(group), member, generation, cancel));

    public ValueTask Leave(TopicName topic, GroupName group, string member, CancellationToken cancel = default) =>
        _names.Shown(_inner.Leave(_names.In(topic), _names.In(group), member, cancel));

    public async ValueTask Commit(TopicName topic, GroupName group, CommitRequest request, CancellationToken cancel = default)
    {
        await DemandRoom(topic, group, cancel);
        await _names.Shown(_inner.Commit(_names.In(topic), _names.In(group), request, cancel));
    }

    public ValueTask Seek(TopicName topic, GroupName group, SeekRequest request, CancellationToken cancel = default) =>
        _names.Shown(_inner.Seek(_names.In(topic), _names.In(group), request, cancel));

    public ValueTask<int> Redrive(TopicName topic, GroupName group, DeadLetterSelection selection, Message? replace = null, CancellationToken cancel = default) =>
        Shown(_inner.Redrive(_names.In(topic), _names.In(group), selection, replace, cancel));

    public ValueTask<int> Discard(TopicName topic, GroupName group, DeadLetterSelection selection, CancellationToken cancel = default) =>
        Shown(_inner.Discard(_names.In(topic), _names.In(group), selection, cancel));

    private async ValueTask<GroupDescription> Shown(ValueTask<GroupDescription> call, GroupName group)
    {
        var found = await Shown(call);
        return found with { Name = group, Partitions = [.. found.Partitions.Select(one => one.Error is null ? one : one with { Error = _names.Shown(one.Error) })] };
    }
}
