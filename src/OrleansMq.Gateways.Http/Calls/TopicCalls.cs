using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

internal static class TopicCalls
{
    public static IEnumerable<HttpRoute> Routes =>
    [
        new("PUT", "/v1/topics/{topic}", "putTopic", "Create a topic, or change it.", Put)
        {
            Body = BodyKind.OptionalJson, Changes = true, RequestSchema = "TopicChange", AnswerSchema = "Topic", Statuses = [200, 201],
        },
        new("POST", "/v1/topics/{topic}/partitions", "growTopic", "Let a topic grow to a multiple of its partitions. As many as it has change nothing.", Grow)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "TopicGrowth", AnswerSchema = "Topic",
        },
        new("GET", "/v1/topics/{topic}", "describeTopic", "A topic's definition, and each partition's owner, start, end and bytes.", Describe) { AnswerSchema = "Topic" },
        new("DELETE", "/v1/topics/{topic}", "deleteTopic", "Delete a topic with its messages, groups and dead letters.", Delete) { Changes = true, Statuses = [204] },
        new("GET", "/v1/topics", "listTopics", "Names of topics, in ordinal order.", List)
        {
            Query = [Parameters.Prefix, Parameters.After, Parameters.PageMax], AnswerSchema = "TopicPage",
        },
    ];

    private static async ValueTask Put(HttpCall call)
    {
        var topic = await call.Broker.PutTopic(call.Topic, call.Read(TopicJson.ReadChange), call.Cancel);
        await call.Answer(writer => TopicJson.Write(writer, topic), topic.Created ? 201 : 200);
    }

    private static async ValueTask Grow(HttpCall call)
    {
        var (partitions, breakKeyOrder) = call.Read(TopicJson.ReadGrowth);
        var topic = await call.Broker.GrowTopic(call.Topic, partitions, breakKeyOrder, call.Cancel);
        await call.Answer(writer => TopicJson.Write(writer, topic));
    }

    private static async ValueTask Describe(HttpCall call)
    {
        var topic = await call.Broker.DescribeTopic(call.Topic, call.Cancel);
        await call.Answer(writer => TopicJson.Write(writer, topic));
    }

    private static async ValueTask Delete(HttpCall call)
    {
        await call.Broker.DeleteTopic(call.Topic, call.Cancel);
        call.AnswerNoContent();
    }

    private static async ValueTask List(HttpCall call)
    {
        var page = await call.Broker.ListTopics(call.Query("prefix") ?? "", call.Query("after"), call.PageMax, call.Cancel);
        await call.Answer(writer => ClusterJson.WritePage(writer, "topics", page));
    }
}
