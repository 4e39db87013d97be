using OrleansMq.Core.Groups;

namespace OrleansMq.Core.Tests.Groups;

internal static class Looks
{
    /// <summary>Found so, all by looks that began at once.</summary>
    public static Dictionary<string, TopicLook> Looked(this IReadOnlyDictionary<string, SeenTopic?> topics, long begun = 0) =>
        topics.ToDictionary(topic => topic.Key, topic => new TopicLook(begun, true, topic.Value));
}
