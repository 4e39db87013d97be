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
        if (next.Partitions < current.Partitions)
            throw new MqException(ErrorCodes.Conflict, $"partitions can't shrink: the topic has {current.Partitions}, {next.Partitions} was given.");
        if (next.Partitions > current.Partitions)
            throw new MqException(ErrorCodes.NotAvailable, $"Growing the partitions of a topic is not available yet: it has {current.Partitions}, {next.Partitions} was given.");
        return next;
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
        if (settings.MaxMessageBytes > settings.MaxBatchBytes)
            throw Malformed($"maxMessageBytes is at most maxBatchBytes; {settings.MaxMessageBytes} and {settings.MaxBatchBytes} were given.");
        if (settings.WhenFull is < WhenFull.Refuse or > WhenFull.Wait)
            throw Malformed($"whenFull is refuse, dropOldest or wait; {settings.WhenFull} was given.");
        if (settings.Acks is < Acks.None or > Acks.Durable)
            throw Malformed($"acks is none, accepted or durable; {settings.Acks} was given.");
        if (settings.Compact)
            throw new MqException(ErrorCodes.NotAvailable, "compact is not available yet; only false can be given.");
    }

    private static TopicSettings Validated(TopicSettings settings)
    {
        Validate(settings);
        return settings;
    }

    private static MqException Malformed(string detail) => new(ErrorCodes.Malformed, detail);
}
