namespace OrleansMq;

/// <summary>Names of the form <c>{topic}.{group}.dlq</c>. Both parts may hold dots, so a name may have several readings.</summary>
public static class DeadLetterNames
{
    private const string Suffix = ".dlq";

    /// <summary>Every way to read it, the longest topic last; none where it is no such name.</summary>
    public static IEnumerable<(TopicName Topic, GroupName Group)> Readings(TopicName name)
    {
        if (!name.Text.EndsWith(Suffix, StringComparison.Ordinal))
            yield break;
        var stem = name.Text[..^Suffix.Length];
        for (var dot = stem.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = stem.IndexOf('.', dot + 1))
        {
            var (topic, group) = (stem[..dot], stem[(dot + 1)..]);
            if (NameRule.IsValid(topic) && NameRule.IsValid(group))
                yield return (topic, group);
        }
    }

    /// <summary>The name of a group's dead letters, where it can have them.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: too long.</exception>
    public static TopicName Checked(TopicName topic, GroupName group)
    {
        var text = TopicName.DeadLettersOf(topic, group);
        return NameRule.IsValid(text)
            ? new TopicName(text)
            : throw new MqException(ErrorCodes.Malformed, $"'{text}', the name of the group's dead letters, is longer than {NameRule.MaxLength}.");
    }
}
