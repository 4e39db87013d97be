using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>Groups as they are declared, and the log style's membership and cursors.</summary>
internal static class GroupCalls
{
    internal const string Group = "/v1/topics/{topic}/groups/{group}";

    public static IEnumerable<HttpRoute> Routes =>
    [
        new("PUT", Group, "putGroup", "Declare a group, or change it.", Put)
        {
            Body = BodyKind.OptionalJson, Changes = true, RequestSchema = "GroupChange", AnswerSchema = "Group", Statuses = [200, 201],
        },
        new("GET", Group, "describeGroup", "A group's settings and members, and its cursor on each partition.", Describe) { AnswerSchema = "Group" },
        new("DELETE", Group, "deleteGroup", "Delete a group with its dead letters.", Delete) { Changes = true, Statuses = [204] },
        new("GET", "/v1/topics/{topic}/groups", "listGroups", "Names of a topic's groups, in ordinal order.", List)
        {
            Query = [Parameters.After, Parameters.PageMax], AnswerSchema = "GroupPage",
        },
        new("POST", "/v1/topics/{topic}/groups", "makeGroup", "Make an ephemeral group for one reader: under a name by chance, from now on, and gone when nobody has received from it for its time.", Make)
        {
            Body = BodyKind.OptionalJson, Query = [Parameters.GroupPrefix], Changes = true, RequestSchema = "GroupChange", AnswerSchema = "Group", Statuses = [201],
        },
        new("POST", Group + "/join", "join", "Join a log-style group, or learn the present assignment.", Join)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "JoinRequest", AnswerSchema = "Assignment",
        },
        new("POST", Group + "/heartbeat", "heartbeat", "Say that a member lives.", Heartbeat)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "HeartbeatRequest", AnswerSchema = "Done",
        },
        new("POST", Group + "/leave", "leave", "Leave a log-style group.", Leave)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "LeaveRequest", AnswerSchema = "Done",
        },
        new("POST", Group + "/commit", "commit", "Move a log-style group's cursors: each offset is the next to be read.", Commit)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "CommitRequest", AnswerSchema = "Done",
        },
        new("POST", Group + "/seek", "seek", "Set a group's cursors anew. Leases end.", Seek)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "SeekRequest", AnswerSchema = "Done",
        },
        new("GET", Group + "/unsettled", "reconcile", "What was published and is not settled by the group, counted by cause and shown.", Reconcile)
        {
            Query = [Parameters.OlderThan, Parameters.Causes, Parameters.UnsettledMax, Parameters.ScheduledAfter], AnswerSchema = "Reconciliation",
        },
        new("POST", Group + "/redeliver", "redeliver", "Give unsettled messages to the group again at once.", Redeliver)
        {
            Body = BodyKind.OptionalJson, Changes = true, RequestSchema = "RedeliverRequest", AnswerSchema = "Redelivered",
        },
        new("GET", Group + "/session", "describeSession", "The state that a group by key keeps of a key.", DescribeSession)
        {
            Query = [Parameters.SessionKey, Parameters.SessionKeyBase64], AnswerSchema = "Session",
        },
        new("POST", Group + "/session", "setSession", "Set or clear the state of a key, without a message.", SetSession)
        {
            Body = BodyKind.Json, Changes = true, RequestSchema = "SessionRequest", AnswerSchema = "Session",
        },
    ];

    private static async ValueTask Put(HttpCall call)
    {
        var group = await call.Broker.PutGroup(call.Topic, call.Group, call.Read(GroupJson.ReadChange), call.Cancel);
        await call.Answer(writer => GroupJson.Write(writer, group), group.Created ? 201 : 200);
    }

    /// <summary>What is not said is as a <see cref="BroadcastConsumer"/> has it.</summary>
    private static async ValueTask Make(HttpCall call)
    {
        var standard = new BroadcastOptions();
        var change = call.Read(GroupJson.ReadChange);
        if (change.DeleteAfterIdle is { Kind: not ChangeKind.Keep, Value: null })
            throw new MqException(ErrorCodes.Malformed, "deleteAfterIdleMs is not null here: a group with a name by chance would be left behind by its reader. Put one under a name.");
        change = change with
        {
            From = change.From.Kind == ChangeKind.Keep ? standard.From : change.From,
            DeleteAfterIdle = change.DeleteAfterIdle.Kind == ChangeKind.Keep ? standard.DeleteAfterIdle : change.DeleteAfterIdle,
        };
        var group = await call.Broker.PutGroup(call.Topic, EphemeralName.Of(call.Text("prefix", BroadcastOptions.MaxPrefix) ?? standard.Prefix), change, call.Cancel);
        await call.Answer(writer => GroupJson.Write(writer, group), 201);
    }

    private static async ValueTask Describe(HttpCall call)
    {
        var group = await call.Broker.DescribeGroup(call.Topic, call.Group, call.Cancel);
        await call.Answer(writer => GroupJson.Write(writer, group));
    }

    private static async ValueTask Delete(HttpCall call)
    {
        await call.Broker.DeleteGroup(call.Topic, call.Group, call.Cancel);
        call.AnswerNoContent();
    }

    private static async ValueTask List(HttpCall call)
    {
        var page = await call.Broker.ListGroups(call.Topic, call.Query("after"), call.PageMax, call.Cancel);
        await call.Answer(writer => ClusterJson.WritePage(writer, "groups", page));
    }

    private static async ValueTask Reconcile(HttpCall call)
    {
        var request = new ReconcileRequest
        {
            OlderThan = call.Milliseconds("olderThanMs", Durations.MaxMs) ?? TimeSpan.Zero,
            Causes = call.WordsOf("causes", Words.UnsettledCause),
            Max = call.Int32("max", 0, ReconcileRequest.MaxMessages) ?? 100,
            After = call.Query("after"),
        };
        var found = await call.Broker.Reconcile(call.Topic, call.Group, request, call.Cancel);
        call.Messages = found.Messages.Count;
        await call.Answer(writer => ReconcileJson.Write(writer, found));
    }

    private static async ValueTask Redeliver(HttpCall call)
    {
        var count = await call.Broker.Redeliver(call.Topic, call.Group, call.Read(ReconcileJson.ReadRedeliver), call.Cancel);
        await call.Answer(writer => ClusterJson.WriteNumber(writer, "redelivered", count));
    }

    private static async ValueTask DescribeSession(HttpCall call)
    {
        var session = await call.Broker.Session(call.Topic, call.Group, new SessionRequest(SessionKey(call)), call.Cancel);
        await call.Answer(writer => SessionJson.Write(writer, session));
    }

    private static byte[] SessionKey(HttpCall call)
    {
        var (text, base64) = (call.Query("key"), call.Query("keyBase64"));
        if (text is null == (base64 is null))
            throw new MqException(ErrorCodes.Malformed, "The query has one of 'key' and 'keyBase64'.");
        if (text is not null)
            return System.Text.Encoding.UTF8.GetBytes(text);
        var key = new byte[base64!.Length];
        return Convert.TryFromBase64String(base64.Replace('-', '+').Replace('_', '/').PadRight((base64.Length + 3) / 4 * 4, '='), key, out var length)
            ? key[..length]
            : throw new MqException(ErrorCodes.Malformed, "'keyBase64' is not base64.");
    }

    private static async ValueTask SetSession(HttpCall call)
    {
        var session = await call.Broker.Session(call.Topic, call.Group, call.Read(SessionJson.ReadRequest), call.Cancel);
        await call.Answer(writer => SessionJson.Write(writer, session));
    }

    private static async ValueTask Join(HttpCall call)
    {
        var (topic, group) = (call.Topic, call.Group);
        var (member, timeout) = call.Read(LogJson.ReadJoin);
        var assignment = await call.Broker.Join(topic, group, member, timeout, call.Cancel);
        await call.Answer(writer => LogJson.WriteAssignment(writer, assignment));
    }

    private static async ValueTask Heartbeat(HttpCall call)
    {
        var (topic, group) = (call.Topic, call.Group);
        var (member, generation) = call.Read(LogJson.ReadHeartbeat);
        await call.Broker.Heartbeat(topic, group, member, generation, call.Cancel);
        await call.AnswerEmpty();
    }

    private static async ValueTask Leave(HttpCall call)
    {
        await call.Broker.Leave(call.Topic, call.Group, call.Read(LogJson.ReadLeave), call.Cancel);
        await call.AnswerEmpty();
    }

    private static async ValueTask Commit(HttpCall call)
    {
        await call.Broker.Commit(call.Topic, call.Group, call.Read(LogJson.ReadCommit), call.Cancel);
        await call.AnswerEmpty();
    }

    private static async ValueTask Seek(HttpCall call)
    {
        await call.Broker.Seek(call.Topic, call.Group, call.Read(LogJson.ReadSeek), call.Cancel);
        await call.AnswerEmpty();
    }
}
