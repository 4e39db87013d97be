namespace OrleansMq.Core.Catalog;

/// <summary>What a topic's settings may be, and how they may change. Every refusal names the field, its range and the value.</summary>
public static class TopicRules
{
    /// <summary>The settings of a new topic.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/> or <see cref="ErrorCodes.NotAvailable"/>.</exception>
    public static TopicSettings Create(TopicChange change) => Validated(change.Over(null));

    /// <summary>The settings of a topic after a change. Whether <c>admit</c> may fall so low is for the ledger to say.</summary>
    /// <exception cref="MqException">As for <see cref="Create"/>, or <see cref="ErrorCodes.Conflict"/>.</exception>
    public static TopicSettings Change(TopicSettings current, TopicChange change)
    {
        var next = Validated(change.Over(current));
        CheckGrowth(current.Partitions, next.Partitions, breakKeyOrder: false);
        return next;
    }

    /// <summary>Whether a topic may have so many partitions from now on; as many as it has is no growth, and fine.</summary>
    /// <param name="breakKeyOrder">Also where it is no multiple, and keys change partitions that don't wait for one another.</param>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: out of range; <see cref="ErrorCodes.Conflict"/>: fewer, or no multiple.</exception>
    public static void CheckGrowth(int current, int partitions, bool breakKeyOrder)
    {
        CatalogLimits.Partitions.Check(partitions);
        if (partitions < current)
            throw new MqException(ErrorCodes.Conflict, $"partitions can't shrink: the topic has {current}, {partitions} was given.");
        if (partitions % current != 0 && !breakKeyOrder)
            throw new MqException(ErrorCodes.Conflict,
                $"partitions grow by multiples, so that keys keep their order: the topic has {current}, {partitions} was given. Take a multiple of {current}, or say breakKeyOrder.");
    }

    /// <summary>Whether the storage below can do what the topic asks of it.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.NotAvailable"/>.</exception>
    public static void CheckStorage(TopicSettings settings, bool canRewrite)
    {
        if (settings.Compact && !canRewrite)
            throw new MqException(ErrorCodes.NotAvailable, "compact is not available on this broker's storage: it needs one that can rewrite segments, as orleansmq's own can.");
    }

    /// <inheritdoc cref="Create"/>
    public static void Validate(TopicSettings settings)
    {
        CatalogLimits.Partitions.Check(settings.Partitions);
        CatalogLimits.Retention.Check(settings.Retention);
        CatalogLimits.RetentionBytes.Check(settings.RetentionBytes);
        CatalogLimits.MaxMessages.Check(settings.MaxMessages);
        CatalogLimits.MaxBytes.Check(settings.MaxBytes);
        CatalogLimits.Admit.Check(settings.Admit);
        CatalogLimits.Rate.Check(settings.RatePerSecond);
        CatalogLimits.ProducerRate.Check(settings.ProducerRatePerSecond);
        CatalogLimits.MaxMessageBytes.Check(settings.MaxMessageBytes);
        CatalogLimits.MaxBatchBytes.Check(settings.MaxBatchBytes);
        CatalogLimits.TokenCount.Check(settings.TokenCount);
        CatalogLimits.TokenAge.Check(settings.TokenAge);
        if (settings.TimeToLive is { } life)
            CatalogLimits.TimeToLive.Check(life);
        CatalogLimits.CompactDirtyRatio.Check(settings.CompactDirtyRatio);
        if (settings.CompactMinAge is { } minAge)
            CatalogLimits.CompactMinAge.Check(minAge);
        if (settings.TombstoneAge is { } age)
            CatalogLimits.TombstoneAge.Check(age);
        if (settings.MaxMessageBytes > settings.MaxBatchBytes)
            throw Malformed($"maxMessageBytes is at most maxBatchBytes; {settings.MaxMessageBytes} and {settings.MaxBatchBytes} were given.");
        if (settings.WhenFull is < WhenFull.Refuse or > WhenFull.Wait)
            throw Malformed($"whenFull is refuse, dropOldest or wait; {settings.WhenFull} was given.");
        if (settings.Acks is < Acks.None or > Acks.Durable)
            throw Malformed($"acks is none, accepted or durable; {settings.Acks} was given.");
        if (settings.Compact && settings.WhenFull == WhenFull.DropOldest)
            throw Malformed("compact keeps each key's last message and whenFull=dropOldest throws the oldest away: give one of them.");
    }

    private static TopicSettings Validated(TopicSettings settings)
    {
        Validate(settings);
        return settings;
    }

    private static MqException Malformed(string detail) => new(ErrorCodes.Malformed, detail);
}
