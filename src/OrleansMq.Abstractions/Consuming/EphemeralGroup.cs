namespace OrleansMq;

/// <summary>The ephemeral group of one consumer: makes it, and makes it again where it was deleted.</summary>
internal sealed class EphemeralGroup(IBroker broker, TopicName topic, BroadcastOptions options, TimeProvider time)
{
    private long _gaps;
    private long _removed;

    /// <summary>The broker has it not, though it is there, and that was told.</summary>
    private bool _refused;

    public GroupName Name { get; } = options.NameOfGroup();

    /// <summary>Null where the broker does not say: it makes a group anew by its use then, and nobody is told.</summary>
    public Guid? Id { get; private set; }

    public long Gaps => Interlocked.Read(ref _gaps);

    /// <returns>Whether it was there.</returns>
    public async ValueTask<bool> Join(CancellationToken cancel)
    {
        var group = await Put(options.From, cancel);
        NoteRemoved(group);
        return !group.Created;
    }

    /// <summary>The broker has it no more: it begins at the end, and what came meanwhile is missed.</summary>
    /// <returns>False: it is the same, and the broker says both that it has it and that it has not.</returns>
    public async ValueTask<bool> JoinAgain(CancellationToken cancel)
    {
        var before = Id;
        await Put(StartAt.Latest, cancel);
        if (Id == before)
        {
            // Once, however often it is tried: a part of it may have begun at the end.
            if (!_refused)
                Tell(BroadcastGapReason.GroupDeleted, null);
            _refused = true;
            return false;
        }

        Interlocked.Exchange(ref _removed, 0);
        Tell(BroadcastGapReason.GroupDeleted, null);
        return true;
    }

    /// <summary>The broker has it.</summary>
    public void Received() => _refused = false;

    /// <summary>Tells of messages that were removed before the group had them.</summary>
    public async ValueTask Check(CancellationToken cancel)
    {
        var group = await broker.DescribeGroup(topic, Name, cancel);
        // Another by now: the receiving finds out.
        if (group.Id == Id)
            NoteRemoved(group);
    }

    private void NoteRemoved(GroupDescription group)
    {
        // One that does not answer says 0, and would be taken for removals when it answers again.
        if (group.Partitions.Any(partition => partition.Error is not null))
            return;
        var removed = group.Partitions.Sum(partition => partition.Dropped);
        var before = Interlocked.Exchange(ref _removed, removed);
        if (removed > before)
            Tell(BroadcastGapReason.MessagesRemoved, removed - before);
    }

    private async ValueTask<GroupDescription> Put(StartAt from, CancellationToken cancel)
    {
        var group = await broker.PutGroup(topic, Name, new GroupChange { From = from, DeleteAfterIdle = (TimeSpan?)options.DeleteAfterIdle }, cancel);
        Id = group.Id == Guid.Empty ? null : group.Id;
        return group;
    }

    private void Tell(BroadcastGapReason reason, long? removed)
    {
        Interlocked.Increment(ref _gaps);
        options.OnGap?.Invoke(new BroadcastGap(reason, Name, time.GetUtcNow(), removed));
    }
}
