using System.Text;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Clients;

/// <summary>Sends half messages, each with a transaction of its own that is committed or not; decides most, forgets some as one that dies does, and is checked back.</summary>
internal static class HalfProducer
{
    /// <summary>Often enough to meet every crash, and for longer than a world lasts.</summary>
    public static readonly HalfTerms Terms = new("pay") { CheckAfter = TimeSpan.FromSeconds(1), CheckEvery = TimeSpan.FromSeconds(2), MaxChecks = 1_000 };

    public static async Task Live(Desk desk, string topic, string name)
    {
        for (var n = 0; !desk.IsOver; n++)
        {
            await desk.Pause(400);
            var sent = desk.NewMessage(topic, desk.World.Chance(0.5) ? desk.RandomKey() : null, $"{name}-{n}", commits: desk.World.Chance(0.6));
            var reply = await desk.Publish(topic, [sent]);
            for (var tries = 0; tries < 10 && !desk.IsOver && !reply.IsOk; tries++)
            {
                await desk.Pause(200);
                reply = await desk.Publish(topic, [sent]);
            }

            // One in four dies between its own transaction and the decision: the check-back finds out.
            if (reply.IsOk && reply.Value![0].Half is { } id && !desk.World.Chance(0.25))
                await Decide(desk, topic, id, sent);
        }
    }

    /// <summary>Another of the group, which knows from the same books.</summary>
    public static async Task Answer(Desk desk, string topic)
    {
        while (!desk.IsOver)
        {
            await desk.Pause(1_000);
            await AnswerOnce(desk, topic);
        }
    }

    /// <summary>Until nothing is undecided any more.</summary>
    public static async Task ComeToRest(Desk desk, string topic)
    {
        var patience = desk.World.Elapsed + TimeSpan.FromMinutes(5);
        while (desk.World.Elapsed < patience)
        {
            var reply = await desk.Link.Ask(desk.NewCall($"list undecided in {topic}"), broker => broker.ListHalf(topic));
            if (reply.IsOk && reply.Value!.Items.Count == 0)
                return;
            await AnswerAll(desk, topic, reply.Value?.Items ?? []);
            await desk.Pause(1_000);
        }

        desk.History.Violate("half stuck", $"{topic}: half messages are undecided still, though all were answered.");
    }

    private static async Task AnswerOnce(Desk desk, string topic)
    {
        var reply = await desk.Link.Ask(desk.NewCall($"check back {topic}"), broker => broker.CheckHalf(topic, Terms.Group, 20));
        await AnswerAll(desk, topic, reply.Value ?? []);
    }

    private static async Task AnswerAll(Desk desk, string topic, IReadOnlyList<HalfMessage> halves)
    {
        foreach (var half in halves)
        {
            var uid = Desk.UidOf(half.Message.Body.Span);
            if (desk.History.Sent.TryGetValue(uid, out var sent))
                await Decide(desk, topic, half.Id, sent);
            else
                desk.History.Violate("half unknown", $"{topic}: {half.Id} holds {Encoding.UTF8.GetString(half.Message.Body.Span)}, which nobody sent.");
        }
    }

    private static async Task Decide(Desk desk, string topic, string id, Sent sent)
    {
        var decision = sent.Commits == true ? HalfState.Committed : HalfState.RolledBack;
        var reply = await desk.Link.Ask(desk.NewCall($"{decision} {id} {sent.Uid} in {topic}"), broker => broker.EndHalf(topic, id, decision));
        // A clock that jumps by hours has it put aside: somebody decides it by hand, from the same books.
        if (reply.Code == ErrorCodes.HalfTimedOut)
            reply = await desk.Link.Ask(desk.NewCall($"{decision} {id} {sent.Uid} in {topic} by hand"), broker => broker.EndHalf(topic, id, decision, force: true));
        if (reply.IsOk && reply.Value!.State != decision)
            desk.History.Violate("half backwards", $"{topic}: {id} {sent.Uid} was to be {decision}, and the answer is {reply.Value.State}.");
        if (reply.Code is ErrorCodes.HalfCommitted or ErrorCodes.HalfRolledBack)
            desk.History.Violate("half backwards", $"{topic}: {id} {sent.Uid} can't be {decision}: {reply.Code}, and nobody decided so.");
    }
}
