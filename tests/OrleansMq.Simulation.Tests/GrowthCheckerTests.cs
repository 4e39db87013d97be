using System.Text.Json.Nodes;
using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Worlds;
using Xunit;

namespace OrleansMq.Simulation.Tests;

/// <summary>A topic grows under load and under faults: nothing is lost, doubled or out of its key's order; and a bug in any of that is found.</summary>
public sealed class GrowthCheckerTests
{
    private const int Seeds = 12;

    private static WorldPlan PlanOf(int seed) => WorldPlan.Of(seed) with
    {
        Length = TimeSpan.FromSeconds(25), FaultEvery = TimeSpan.FromSeconds(3), LostReplies = 0.05, Others = false, Transactions = false, Growth = true, Ranked = false, Compaction = false, SnapshotBytes = 2_000, SegmentBytes = 4096,
    };

    [Fact]
    public void ATopicGrowsUnderLoadAndNoPromiseIsBroken()
    {
        var grew = 0;
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var verdict = Simulator.Run(PlanOf(seed), Planted.Nothing);
            grew += verdict.Growths > 0 ? 1 : 0;
            Assert.True(verdict.Violations.Count == 0, $"seed {seed}: {string.Join("\n", verdict.Violations.Take(10))}");
        }

        // In some worlds every answer to a growth is lost.
        Assert.True(grew > Seeds / 2, $"Of {Seeds} worlds, only in {grew} something grew.");
    }

    [Fact]
    public void ATopicThatForgetsHowManyPartitionsItHadIsFound() => Finds(new WrongStorage(documents: documents => new ForgetsEarlierCounts(documents)), "growth key order", "growth assignment", "twice");

    [Fact]
    public void AGatewayThatChoosesByAnOldNumberAndDoesNotSaySoIsFound() => Finds(new WrongBroker((broker, _) => new ChoosesByOldNumber(broker)), "growth key order", "growth order");

    private static void Finds(Planted planted, params string[] checkers)
    {
        var found = new List<string>();
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var violations = Simulator.Run(PlanOf(seed) with { Faults = [FaultKind.CleanRestart, FaultKind.Kill] }, planted).Violations;
            if (violations.Any(violation => checkers.Contains(violation.Checker)))
                return;
            found.AddRange(violations.Take(3).Select(violation => $"seed {seed}: {violation}"));
        }

        Assert.Fail($"None of {string.Join(", ", checkers)} fired; others: {string.Join("\n", found)}");
    }

    /// <summary>A topic's document is read without the numbers that it had before: no partition waits for another then.</summary>
    private sealed class ForgetsEarlierCounts(IDocuments documents) : HandedOnDocuments(documents)
    {
        public override async ValueTask<Document?> Get(string key)
        {
            var document = await base.Get(key);
            if (document is null || !key.StartsWith("topics/", StringComparison.Ordinal))
                return document;
            var json = JsonNode.Parse(document.Bytes.Span)!.AsObject();
            json.Remove("earlier");
            return document with { Bytes = System.Text.Encoding.UTF8.GetBytes(json.ToJsonString()) };
        }
    }

    /// <summary>Every second request is sent by the settings of the beginning, without saying so.</summary>
    private sealed class ChoosesByOldNumber(IBroker broker) : Lying(broker)
    {
        private readonly Dictionary<TopicName, TopicSettings> _first = [];
        private int _calls;
        private uint _turn;

        public override async ValueTask<IReadOnlyList<PublishResult>> Publish(TopicName topic, IReadOnlyList<Message> messages, PublishOptions? options = null, CancellationToken cancel = default)
        {
            if (!_first.TryGetValue(topic, out var settings))
                _first[topic] = settings = (await DescribeTopic(topic, cancel)).Settings;
            if (++_calls % 2 == 0)
                return await base.Publish(topic, messages, options, cancel);
            return await Publishing.Publish(new SaysNoNumber(this), topic, settings, () => ValueTask.FromResult(settings), messages, options, () => _turn++, TimeProvider.System, cancel);
        }
    }

    private sealed class SaysNoNumber(IBroker broker) : Lying(broker)
    {
        public override ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default) => base.Append(request with { Partitions = null }, cancel);
    }
}
