namespace OrleansMq.Client.Wire;

[GenerateSerializer, Alias("OrleansMq.GroupSettingsSurrogate")]
internal readonly record struct GroupSettingsSurrogate(
    GroupStyle Style, bool ByKey, int? MaxActive, StartAt From, int MaxDeliveries, TimeSpan[] Backoff, TimeSpan Lease, int MaxInFlight, double? RatePerSecond,
    long? MaxMessages, long? MaxBytes, bool Paused, WhenExpired WhenExpired, bool HoldKeyBehindDeadLetter, bool Priority, string? FairBy, TimeSpan? SessionIdle,
    TimeSpan? DeleteAfterIdle, string? Filter);

[RegisterConverter]
internal sealed class GroupSettingsConverter : IConverter<GroupSettings, GroupSettingsSurrogate>
{
    public GroupSettings ConvertFromSurrogate(in GroupSettingsSurrogate surrogate) => new()
    {
        Style = surrogate.Style,
        ByKey = surrogate.ByKey,
        MaxActive = surrogate.MaxActive,
        From = surrogate.From,
        MaxDeliveries = surrogate.MaxDeliveries,
        Backoff = surrogate.Backoff,
        Lease = surrogate.Lease,
        MaxInFlight = surrogate.MaxInFlight,
        RatePerSecond = surrogate.RatePerSecond,
        MaxMessages = surrogate.MaxMessages,
        MaxBytes = surrogate.MaxBytes,
        Paused = surrogate.Paused,
        WhenExpired = surrogate.WhenExpired,
        HoldKeyBehindDeadLetter = surrogate.HoldKeyBehindDeadLetter,
        Priority = surrogate.Priority,
        FairBy = surrogate.FairBy is { } fairBy ? FairByOf(fairBy) : null,
        SessionIdle = surrogate.SessionIdle,
        DeleteAfterIdle = surrogate.DeleteAfterIdle,
        Filter = surrogate.Filter,
    };

    public GroupSettingsSurrogate ConvertToSurrogate(in GroupSettings value) => new(
        value.Style, value.ByKey, value.MaxActive, value.From, value.MaxDeliveries, [.. value.Backoff], value.Lease, value.MaxInFlight, value.RatePerSecond,
        value.MaxMessages, value.MaxBytes, value.Paused, value.WhenExpired, value.HoldKeyBehindDeadLetter, value.Priority, value.FairBy?.ToString(), value.SessionIdle,
        value.DeleteAfterIdle, value.Filter);

    /// <summary>What was validated when it was said.</summary>
    internal static FairBy FairByOf(string text) => FairBy.TryParse(text, out var value, out var fault) ? value! : throw new MqException(ErrorCodes.Malformed, fault!);
}

[GenerateSerializer, Alias("OrleansMq.GroupChangeSurrogate")]
internal readonly record struct GroupChangeSurrogate(
    Change<GroupStyle> Style, Change<bool> ByKey, Change<int?> MaxActive, Change<StartAt> From, Change<int> MaxDeliveries, Change<TimeSpan[]> Backoff, Change<TimeSpan> Lease,
    Change<int> MaxInFlight, Change<double?> RatePerSecond, Change<long?> MaxMessages, Change<long?> MaxBytes, Change<bool> Paused, Change<WhenExpired> WhenExpired, Change<bool> HoldKeyBehindDeadLetter,
    Change<bool> Priority, Change<string?> FairBy, Change<TimeSpan?> SessionIdle, Change<TimeSpan?> DeleteAfterIdle, Change<string?> Filter);

[RegisterConverter]
internal sealed class GroupChangeConverter : IConverter<GroupChange, GroupChangeSurrogate>
{
    public GroupChange ConvertFromSurrogate(in GroupChangeSurrogate surrogate) => new()
    {
        Style = surrogate.Style,
        ByKey = surrogate.ByKey,
        MaxActive = surrogate.MaxActive,
        From = surrogate.From,
        MaxDeliveries = surrogate.MaxDeliveries,
        Backoff = surrogate.Backoff.Kind switch
        {
            ChangeKind.Keep => Change<IReadOnlyList<TimeSpan>>.Keep,
            ChangeKind.Default => Change<IReadOnlyList<TimeSpan>>.Default,
            _ => Change<IReadOnlyList<TimeSpan>>.To(surrogate.Backoff.Value ?? []),
        },
        Lease = surrogate.Lease,
        MaxInFlight = surrogate.MaxInFlight,
        RatePerSecond = surrogate.RatePerSecond,
        MaxMessages = surrogate.MaxMessages,
        MaxBytes = surrogate.MaxBytes,
        Paused = surrogate.Paused,
        WhenExpired = surrogate.WhenExpired,
        HoldKeyBehindDeadLetter = surrogate.HoldKeyBehindDeadLetter,
        Priority = surrogate.Priority,
        FairBy = surrogate.FairBy.Kind switch
        {
            ChangeKind.Keep => Change<FairBy?>.Keep,
            ChangeKind.Default => Change<FairBy?>.Default,
            _ => Change<FairBy?>.To(surrogate.FairBy.Value is { } fairBy ? GroupSettingsConverter.FairByOf(fairBy) : null),
        },
        SessionIdle = surrogate.SessionIdle,
        DeleteAfterIdle = surrogate.DeleteAfterIdle,
        Filter = surrogate.Filter,
    };

    public GroupChangeSurrogate ConvertToSurrogate(in GroupChange value) => new(
        value.Style, value.ByKey, value.MaxActive, value.From, value.MaxDeliveries, Backoff(value.Backoff), value.Lease, value.MaxInFlight, value.RatePerSecond,
        value.MaxMessages, value.MaxBytes, value.Paused, value.WhenExpired, value.HoldKeyBehindDeadLetter,
        value.Priority, FairBy(value.FairBy), value.SessionIdle, value.DeleteAfterIdle, value.Filter);

    private static Change<string?> FairBy(Change<FairBy?> change) => change.Kind switch
    {
        ChangeKind.Keep => Change<string?>.Keep,
        ChangeKind.Default => Change<string?>.Default,
        _ => Change<string?>.To(change.Value?.ToString()),
    };

    private static Change<TimeSpan[]> Backoff(Change<IReadOnlyList<TimeSpan>> change) => change.Kind switch
    {
        ChangeKind.Keep => Change<TimeSpan[]>.Keep,
        ChangeKind.Default => Change<TimeSpan[]>.Default,
        _ => Change<TimeSpan[]>.To([.. change.Value ?? []]),
    };
}

[GenerateSerializer, Alias("OrleansMq.GroupPartitionSurrogate")]
internal readonly record struct GroupPartitionSurrogate(int Partition, long Cursor, long Lag, int InFlight, TimeSpan? OldestUnsettled, long DeadLetters, long Dropped, MqError? Error, long Filtered);

[RegisterConverter]
internal sealed class GroupPartitionConverter : IConverter<GroupPartition, GroupPartitionSurrogate>
{
    public GroupPartition ConvertFromSurrogate(in GroupPartitionSurrogate surrogate) => new(
        surrogate.Partition, surrogate.Cursor, surrogate.Lag, surrogate.InFlight, surrogate.OldestUnsettled, surrogate.DeadLetters, surrogate.Dropped, surrogate.Error, surrogate.Filtered);

    public GroupPartitionSurrogate ConvertToSurrogate(in GroupPartition value) =>
        new(value.Partition, value.Cursor, value.Lag, value.InFlight, value.OldestUnsettled, value.DeadLetters, value.Dropped, value.Error, value.Filtered);
}

[GenerateSerializer, Alias("OrleansMq.GroupMemberSurrogate")]
internal readonly record struct GroupMemberSurrogate(string Member, int[] Partitions, bool Active);

[RegisterConverter]
internal sealed class GroupMemberConverter : IConverter<GroupMember, GroupMemberSurrogate>
{
    public GroupMember ConvertFromSurrogate(in GroupMemberSurrogate surrogate) => new(surrogate.Member, surrogate.Partitions, surrogate.Active);

    public GroupMemberSurrogate ConvertToSurrogate(in GroupMember value) => new(value.Member, [.. value.Partitions], value.Active);
}

[GenerateSerializer, Alias("OrleansMq.GroupDescriptionSurrogate")]
internal readonly record struct GroupDescriptionSurrogate(
    GroupName Name, GroupSettings Settings, bool Declared, GroupPartition[] Partitions, GroupMember[] Members, int Generation, bool Created, Guid Id);

[RegisterConverter]
internal sealed class GroupDescriptionConverter : IConverter<GroupDescription, GroupDescriptionSurrogate>
{
    public GroupDescription ConvertFromSurrogate(in GroupDescriptionSurrogate surrogate) => new()
    {
        Name = surrogate.Name,
        Settings = surrogate.Settings,
        Declared = surrogate.Declared,
        Partitions = surrogate.Partitions,
        Members = surrogate.Members,
        Generation = surrogate.Generation,
        Created = surrogate.Created,
        Id = surrogate.Id,
    };

    public GroupDescriptionSurrogate ConvertToSurrogate(in GroupDescription value) => new(
        value.Name, value.Settings, value.Declared, [.. value.Partitions], [.. value.Members], value.Generation, value.Created, value.Id);
}
