namespace OrleansMq.Engine.Groups;

/// <summary>
/// How long an ephemeral group lives. The topic's first partition keeps, in its log and by the log's clock, until when; it asks here when that time is over, and is told whether somebody uses the group still.
/// </summary>
public sealed partial class GroupEngine
{
    private readonly GroupUse _use;

    /// <summary>How often a partition was opened here since it is known.</summary>
    private int _openings;

    /// <summary>That number when its document was last written here; -1: it was not.</summary>
    private int _takenAt = -1;

    /// <summary>It was made here and now, and nobody else had it before.</summary>
    public bool MadeHere
    {
        init => _takenAt = value ? 0 : -1;
    }

    /// <summary>
    /// Who had it before may live on and not know (a process that was stopped for long, on a shared volume): it sees no use that is made of it here, and would delete it.
    /// Another version of the document, written before the first use is answered, lets that fail.
    /// </summary>
    public bool MustBeTaken => Volatile.Read(ref _takenAt) != Volatile.Read(ref _openings) && Settings.DeleteAfterIdle is not null;

    /// <summary>A partition was opened here: another may have had it, and the group, since the document was written here.</summary>
    public void PartitionOpened() => Interlocked.Increment(ref _openings);

    /// <summary>Nobody used it, and it is deleted or about to be.</summary>
    public bool HasEnded => _use.HasEnded;

    /// <summary>Somebody uses it until that is disposed.</summary>
    /// <param name="id">Only this very group; null: whichever has the name.</param>
    /// <exception cref="MqException"><see cref="ErrorCodes.GroupUnknown"/>: it is another, or was deleted because nobody used it.</exception>
    public Using Use(Guid? id = null)
    {
        if (id is { } wanted && wanted != Id)
            throw Gone(_topic, Name);
        return TryUse() ?? throw Gone(_topic, Name);
    }

    /// <summary>Somebody uses it until that is disposed; null: it was deleted because nobody used it, or is about to be.</summary>
    public Using? TryUse()
    {
        if (!_use.TryEnter())
            return null;
        if (Settings.DeleteAfterIdle is { } idle && _use.TakeKeep(idle))
            KeepSoon(GroupUse.Kept(idle));
        return new Using(_use);
    }

    /// <summary>It is used now.</summary>
    public void Touch()
    {
        using var use = Use();
    }

    /// <summary>The refusal of a use that names a group by its id which is there no more.</summary>
    public static MqException Gone(TopicName topic, GroupName group) =>
        new(ErrorCodes.GroupUnknown, $"Topic '{topic}' has no group '{group}' of this id (any more): it was deleted, perhaps because nobody used it. Messages that came since were not for it.");

    /// <summary>Deletes it where nobody used it for its idle time and none of its leases is out.</summary>
    /// <returns>Whether it did; else the first partition was told how long to keep it.</returns>
    /// <exception cref="MqException">It is not known now: to be asked again.</exception>
    public async Task<bool> EndUnused()
    {
        if (Settings.DeleteAfterIdle is not { } asked)
            return false;
        var (left, idle) = (_use.Left(asked), asked);
        var leased = left <= TimeSpan.Zero && await HasLeases();
        await _gate.WaitAsync();
        try
        {
            // It may have been made one that stays, or of another time, while its leases were looked for.
            if (Settings.DeleteAfterIdle is not { } now)
                return false;
            idle = now;
            await ExpireMembers();
            if (leased || idle != asked || _document.Membership.Count > 0)
                left = idle;
            if (left <= TimeSpan.Zero && _use.TryEnd(idle, out left))
            {
                await DeleteDocument();
                return true;
            }
        }
        finally
        {
            _gate.Release();
        }

        await (await _open(0)).Keep(Name, Id, left);
        return false;
    }

    private async Task DeleteDocument()
    {
        try
        {
            await _documents.Delete(_key, _version);
        }
        catch
        {
            _use.Revive();
            throw;
        }
    }

    /// <summary>A partition that is damaged delivers nothing and keeps nobody; one that does not answer now may.</summary>
    private async Task<bool> HasLeases()
    {
        if (Queue is null)
            return false;
        for (var p = 0; p < Partitions; p++)
        {
            try
            {
                if ((await (await _open(p)).Describe(Name)).InFlight > 0)
                    return true;
            }
            catch (MqException damaged) when (damaged.Code is ErrorCodes.PartitionDamaged or ErrorCodes.GroupUnknown)
            {
                // Nothing of it is out there.
            }
        }

        return false;
    }

    /// <summary>Who uses it does not wait for that: the first partition may be away, and the others deliver.</summary>
    private async void KeepSoon(TimeSpan time)
    {
        try
        {
            await (await _open(0)).Keep(Name, Id, time);
        }
        catch (Exception)
        {
            // Whatever it was: the next use tells it; and it asks before it lets the group go.
            _use.KeepAgain();
        }
    }

    /// <summary>A use of a group.</summary>
    public readonly struct Using(GroupUse use) : IDisposable
    {
        public void Dispose() => use.Leave();
    }
}
