namespace OrleansMq.Core.Catalog;

public static class TopicRules
{
    public static TopicSettings Create(TopicChange change) => throw new NotImplementedException();
    public static TopicSettings Change(TopicSettings current, TopicChange change) => throw new NotImplementedException();
    public static void Validate(TopicSettings settings) => throw new NotImplementedException();
}

public static class GroupRules
{
    public static GroupSettings Create(GroupChange change) => throw new NotImplementedException();
    public static GroupSettings Change(GroupSettings current, GroupChange change) => throw new NotImplementedException();
    public static void Validate(GroupSettings settings) => throw new NotImplementedException();
}
