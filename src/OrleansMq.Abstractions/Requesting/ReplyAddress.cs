using System.Globalization;

namespace OrleansMq;

/// <summary>Where a reply goes, as <see cref="Message.ReplyTo"/> says it: <c>topic</c>, or <c>topic/partition</c> where one reads that partition alone.</summary>
/// <param name="Partition">Null: wherever the topic puts it.</param>
public readonly record struct ReplyAddress(TopicName Topic, int? Partition = null)
{
    public static bool TryParse(string? text, out ReplyAddress address)
    {
        address = default;
        if (text is null)
            return false;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var topic = slash < 0 ? text : text[..slash];
        var partition = -1;
        if (!NameRule.IsValid(topic) || (slash >= 0 && !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out partition)))
            return false;
        address = new ReplyAddress(topic, slash < 0 ? null : partition);
        return true;
    }

    public override string ToString() => Partition is { } partition ? string.Create(CultureInfo.InvariantCulture, $"{Topic}/{partition}") : Topic.ToString();
}
