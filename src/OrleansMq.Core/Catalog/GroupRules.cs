using OrleansMq.Core.Filters;

namespace OrleansMq.Core.Catalog;

/// <summary>What a group's settings may be, and how they may change. Every refusal names the field, its range and the value.</summary>
public static class GroupRules
{
    /// <summary>The settings of a new group.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>, <see cref="ErrorCodes.NotAvailable"/>, or <see cref="ErrorCodes.Conflict"/>: settings that exclude each other.</exception>
    public static GroupSettings Create(GroupChange change) => Validated(change.Over(null));

    /// <summary>The settings of a group after a change.</summary>
    /// <exception cref="MqException">As for <see cref="Create"/>; <see cref="ErrorCodes.Conflict"/> also for another style or key order.</exception>
    public static GroupSettings Change(GroupSettings current, GroupChange change)
    {
        var next = change.Over(current);
        if (next.Style != current.Style)
            throw new MqException(ErrorCodes.Conflict, $"style can't change: the group is {Text(current.Style)} style, {Text(next.Style)} was given.");
        if (next.ByKey != current.ByKey)
            throw new MqException(ErrorCodes.Conflict, $"byKey can't change: the group has {Text(current.ByKey)}, {Text(next.ByKey)} was given.");
        if (next.DeleteAfterIdle is not null && current.DeleteAfterIdle is null)
            throw new MqException(ErrorCodes.Conflict, "deleteAfterIdleMs is given when the group is made: this one stays, and what it has not settled would go with it.");
        return Validated(next);
    }

    /// <inheritdoc cref="Create"/>
    public static void Validate(GroupSettings settings)
    {
        if (settings.Style is < GroupStyle.Queue or > GroupStyle.Log)
            throw new MqException(ErrorCodes.Malformed, $"style is queue or log; {settings.Style} was given.");
        CatalogLimits.MaxDeliveries.Check(settings.MaxDeliveries);
        CatalogLimits.BackoffSteps.Check(settings.Backoff.Count);
        foreach (var step in settings.Backoff)
            CatalogLimits.BackoffStep.Check(step);
        CatalogLimits.Lease.Check(settings.Lease);
        CatalogLimits.MaxInFlight.Check(settings.MaxInFlight);
        CatalogLimits.Rate.Check(settings.RatePerSecond);
        CatalogLimits.MaxMessages.Check(settings.MaxMessages);
        CatalogLimits.MaxBytes.Check(settings.MaxBytes);
        if (settings.MaxActive is < 1)
            throw new MqException(ErrorCodes.Malformed, $"maxActive is null or 1; {settings.MaxActive} was given.");
        if (settings.MaxActive is > 1)
            throw new MqException(ErrorCodes.NotAvailable, $"maxActive other than null and 1 is not available yet; {settings.MaxActive} was given.");
        if (settings.WhenExpired is < WhenExpired.Skip or > WhenExpired.DeadLetter)
            throw new MqException(ErrorCodes.Malformed, $"whenExpired is skip or deadLetter; {settings.WhenExpired} was given.");
        if (settings is { HoldKeyBehindDeadLetter: true, ByKey: false })
            throw new MqException(ErrorCodes.Conflict, "holdKeyBehindDeadLetter is for groups by key; this one has byKey false.");
        if (settings.SessionIdle is { } idle)
            CatalogLimits.SessionIdle.Check(idle);
        if (settings.DeleteAfterIdle is { } unused)
            CatalogLimits.DeleteAfterIdle.Check(unused);
        if (settings is { DeleteAfterIdle: not null, MaxMessages: not null } or { DeleteAfterIdle: not null, MaxBytes: not null })
            throw new MqException(ErrorCodes.Conflict, "maxMessages and maxBytes limit what a group holds back; one with deleteAfterIdleMs holds nothing back.");
        if (settings is { SessionIdle: not null, ByKey: false })
            throw new MqException(ErrorCodes.Conflict, "sessionIdleMs is for groups by key; this one has byKey false.");
        if (settings is { Style: GroupStyle.Log, Priority: true })
            throw new MqException(ErrorCodes.Conflict, "priority is for groups of style queue; a group of style log reads whole partitions in order.");
        if (settings is { Style: GroupStyle.Log, FairBy: not null })
            throw new MqException(ErrorCodes.Conflict, "fairBy is for groups of style queue; a group of style log reads whole partitions in order.");
        if (settings.Filter is { } filter)
            MessageFilter.Parse(filter);
        if (settings is { ByKey: true, Style: GroupStyle.Log })
            throw new MqException(ErrorCodes.Conflict, "byKey is for groups of style queue; a group of style log reads whole partitions in order.");
    }

    private static GroupSettings Validated(GroupSettings settings)
    {
        Validate(settings);
        return settings;
    }

    private static string Text(GroupStyle style) => style == GroupStyle.Log ? "log" : "queue";

    private static string Text(bool value) => value ? "true" : "false";
}
