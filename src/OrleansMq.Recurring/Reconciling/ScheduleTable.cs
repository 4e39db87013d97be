using System.Text;
using OrleansMq.Json;

namespace OrleansMq;

/// <summary>What the topic of schedules says, read up to its end at each <see cref="Read"/>.</summary>
internal sealed class ScheduleTable(IBroker broker)
{
    /// <summary>More that can't be read are not remembered: a run of one is looked past here, and not left to another process.</summary>
    public const int MaxUnread = ReconcileSchedules.MaxSchedules;

    /// <summary>No schedule's key is longer: two names and what is between them.</summary>
    public const int MaxKeyBytes = 2 * NameRule.MaxLength + 1;

    private readonly Dictionary<string, StoredSchedule> _schedules = new(StringComparer.Ordinal);
    /// <summary>By key, those that stand last and can't be read here; another process may.</summary>
    private readonly Dictionary<string, long> _unread = new(StringComparer.Ordinal);

    private long _next;

    /// <summary>Whether the topic is there.</summary>
    public bool Exists { get; private set; }

    public IReadOnlyCollection<StoredSchedule> Schedules => _schedules.Values;

    public static byte[] KeyOf(TopicName topic, GroupName group) => Encoding.UTF8.GetBytes($"{topic}/{group}");

    public StoredSchedule? Find(TopicName topic, GroupName group) => _schedules.GetValueOrDefault($"{topic}/{group}");

    /// <summary>Whether the schedule counts where it can be read: it may be of a newer release, or of a time zone that this machine has not.</summary>
    public bool CannotRead(TopicName topic, GroupName group, long number) => _unread.TryGetValue($"{topic}/{group}", out var unread) && unread == number;

    /// <summary>How many are remembered of those that can't be read.</summary>
    public int Unread => _unread.Count;

    /// <returns>What stands there and is no schedule; it ends the one before it.</returns>
    public async Task<ScheduleFaults> Read(CancellationToken cancel)
    {
        var faults = new ScheduleFaults(null, 0);
        try
        {
            // Fewer than were read: it was deleted, and made anew.
            if (await broker.FindOffset(ReconcileSchedules.Topic, 0, StartAt.Latest, cancel) < _next)
                Forget();
            Exists = true;
            await foreach (var message in broker.Browse(ReconcileSchedules.Topic, 0, StartAt.Offset(_next), cancel: cancel))
                if (Take(message) is { } fault)
                    faults += fault;
        }
        catch (MqException gone) when (gone.Code == ErrorCodes.TopicUnknown)
        {
            Forget();
            Exists = false;
        }

        return faults;
    }

    private string? Take(StoredMessage message)
    {
        _next = message.Position.Offset + 1;
        if (message.Key is { Length: > MaxKeyBytes } tooLong)
            return $"The schedule at {message.Position} has a key of {tooLong.Length} bytes, and {MaxKeyBytes} are the most: it does not count.";
        var key = message.KeyText ?? "";
        _schedules.Remove(key);
        _unread.Remove(key);
        if (message.Tombstone)
            return null;
        try
        {
            var schedule = JsonForm.ReadRequest(message.Body, ReconcileScheduleJson.Read);
            schedule.Times(message.Timestamp);
            if (key != $"{schedule.Topic}/{schedule.Group}")
                return $"The schedule at {message.Position} is of {schedule.Topic}/{schedule.Group}, and its key is '{key}': it does not count.";
            if (_schedules.Count >= ReconcileSchedules.MaxSchedules)
                return $"The {schedule} at {message.Position} is one of more than {ReconcileSchedules.MaxSchedules}: it does not count.";
            _schedules[key] = new StoredSchedule(schedule, message.Position.Offset, message.Timestamp);
            return null;
        }
        catch (MqException e) when (e.Code == ErrorCodes.Malformed)
        {
            if (_unread.Count < MaxUnread)
                _unread[key] = message.Position.Offset;
            return $"The schedule at {message.Position} of {ReconcileSchedules.Topic} does not count: {e.Message}";
        }
    }

    private void Forget()
    {
        _schedules.Clear();
        _unread.Clear();
        _next = 0;
    }
}

/// <summary>Messages of a topic of schedules that are none.</summary>
/// <param name="First">What is wrong with one of them. Null: there are none.</param>
internal readonly record struct ScheduleFaults(string? First, long Count)
{
    public static ScheduleFaults operator +(ScheduleFaults faults, string fault) => new(faults.First ?? fault, faults.Count + 1);

    public static ScheduleFaults operator +(ScheduleFaults one, ScheduleFaults other) => new(one.First ?? other.First, one.Count + other.Count);

    public override string ToString() => Count > 1 ? $"{First} Nor do {Count - 1} more." : First ?? "";
}
