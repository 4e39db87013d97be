using System.Text;
using OrleansMq.Conformance;
using OrleansMq.Conformance.Broker;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>Groups to which the broker assigns: whom a look for topics keeps waiting, and documents that are not ours to read.</summary>
public sealed class AssigningCoordinationTests
{
    private readonly ManualTime _time = new();
    private readonly IDocuments _documents = new VolatileStorage().Documents;

    [Fact]
    public void ATopicThatDoesNotAnswerKeepsOnlyWhoNamesItWaiting() => StoryThread.Run(async () =>
    {
        await using var broker = await EmbeddedBroker.InMemory(_time);
        await broker.PutTopic("t", new TopicChange());
        await broker.PutTopic("slow", new TopicChange());
        var answers = new TaskCompletionSource();
        var slow = BrokerProxy.Of((method, arguments) => method.Name == nameof(IBroker.DescribeTopic) && arguments[0] is TopicName { Text: "slow" }
            ? new ValueTask<TopicDescription>(Late())
            : BrokerProxy.On(broker, method, arguments));
        await using var groups = new GroupCoordinator(slow, _documents, _time, Guid.NewGuid);
        var first = await groups.Beat("g", Joining("a", "t"));

        var second = groups.Beat("g", Joining("b", "t", "slow")).AsTask();
        Assert.Null((await groups.Beat("g", Beat("a", first.Epoch))).Assigned);
        await groups.Commit("g", new MemberRef("a", first.Epoch), []);
        Assert.False(second.IsCompleted);
        answers.SetResult();

        Assert.Equal(["slow"], (await second).Assigned!.Select(topic => topic.Topic.Text));

        async Task<TopicDescription> Late()
        {
            await answers.Task;
            return await broker.DescribeTopic("slow");
        }
    });

    [Fact]
    public void ATopicThatNeverAnswersIsWaitedForSoLongAndLookedForAgain() => StoryThread.Run(async () =>
    {
        await using var broker = await EmbeddedBroker.InMemory(_time);
        await broker.PutTopic("t", new TopicChange());
        var silent = true;
        var proxy = BrokerProxy.Of((method, arguments) => method.Name == nameof(IBroker.DescribeTopic) && silent
            ? new ValueTask<TopicDescription>(new TaskCompletionSource<TopicDescription>().Task)
            : BrokerProxy.On(broker, method, arguments));
        await using var groups = new GroupCoordinator(proxy, _documents, _time, Guid.NewGuid);
        Assert.Empty((await Passing(groups.Beat("g", Joining("a", "t")))).Assigned!);

        silent = false;
        _time.Advance(GroupCoordination.LookAgain);

        Assert.Equal("t", Assert.Single((await groups.Beat("g", Beat("a", 1))).Assigned!).Topic.Text);
    });

    [Fact]
    public void TopicsThatAreSilentHideNoOthers() => StoryThread.Run(async () =>
    {
        await using var broker = await EmbeddedBroker.InMemory(_time);
        string[] good = [.. Enumerable.Range(0, 20).Select(i => $"good{i:00}")], silent = [.. Enumerable.Range(0, 20).Select(i => $"silent{i:00}")];
        foreach (var topic in good)
            await broker.PutTopic(topic, new TopicChange());
        var proxy = BrokerProxy.Of((method, arguments) => method.Name == nameof(IBroker.DescribeTopic) && arguments[0] is TopicName { Text: var text } && text.StartsWith('s')
            ? new ValueTask<TopicDescription>(new TaskCompletionSource<TopicDescription>().Task)
            : BrokerProxy.On(broker, method, arguments));
        await using var groups = new GroupCoordinator(proxy, _documents, _time, Guid.NewGuid);

        // One of the first sixteen, and then more than sixteen before all others.
        Assert.Equal(good, Topics(await Passing(groups.Beat("g", Joining("a", ["silent00", .. good])))));
        Assert.Equal(good, Topics(await Passing(groups.Beat("other", Joining("a", [.. silent, .. good])))));
    });

    [Fact]
    public void WhatThereWasNoTimeToLookForComesFirstAtTheNextLook() => StoryThread.Run(async () =>
    {
        await using var broker = await EmbeddedBroker.InMemory(_time);
        await broker.PutTopic("tail", new TopicChange());
        var looked = 0;
        var proxy = BrokerProxy.Of((method, arguments) => method.Name == nameof(IBroker.DescribeTopic) && arguments[0] is not TopicName { Text: "tail" }
            ? new ValueTask<TopicDescription>(Silent())
            : BrokerProxy.On(broker, method, arguments));
        await using var groups = new GroupCoordinator(proxy, _documents, _time, Guid.NewGuid);
        var joined = await Passing(groups.Beat("g", Joining("a", [.. Enumerable.Range(0, 1_000).Select(i => $"silent{i}"), "tail"])));
        Assert.Empty(joined.Assigned!);
        Assert.InRange(looked, 1, 999);
        IReadOnlyList<string> told = [];
        for (var look = 0; look < 8 && told.Count == 0; look++)
        {
            _time.Advance(GroupCoordination.LookAgain);
            told = Topics(await Passing(groups.Beat("g", Beat("a", 1) with { Owned = [] })));
        }
        Assert.Equal(["tail"], told);

        Task<TopicDescription> Silent()
        {
            looked++;
            return new TaskCompletionSource<TopicDescription>().Task;
        }
    });

    [Fact]
    public void ALookThatFoundNothingAndWasOvertakenTakesNoTopicAway() => StoryThread.Run(async () =>
    {
        await using var broker = await EmbeddedBroker.InMemory(_time);
        var (late, looks) = (new TaskCompletionSource(), 0);
        var proxy = BrokerProxy.Of((method, arguments) => method.Name == nameof(IBroker.DescribeTopic) && looks++ == 0
            ? new ValueTask<TopicDescription>(None())
            : BrokerProxy.On(broker, method, arguments));
        await using var groups = new GroupCoordinator(proxy, _documents, _time, Guid.NewGuid);
        var first = groups.Beat("g", Joining("a", "t")).AsTask();
        await broker.PutTopic("t", new TopicChange());
        Assert.Equal(["t"], Topics(await groups.Beat("g", Joining("b", "t"))));

        late.SetResult();

        Assert.Equal(2, (await first).Epoch);
        Assert.Equal(["t"], (await groups.DescribeAssigned("g")).Members.SelectMany(member => member.Target).Select(topic => topic.Topic.Text).Distinct());

        async Task<TopicDescription> None()
        {
            await late.Task;
            throw new MqException(ErrorCodes.TopicUnknown, "There was none.");
        }
    });

    [Fact]
    public void WhoIsRefusedWhateverItsTopicsAreWaitsForNone() => StoryThread.Run(async () =>
    {
        await using var broker = await EmbeddedBroker.InMemory(_time);
        await broker.PutTopic("t", new TopicChange());
        List<string> looked = [];
        var proxy = BrokerProxy.Of((method, arguments) =>
        {
            if (method.Name == nameof(IBroker.DescribeTopic))
                looked.Add(((TopicName)arguments[0]!).Text);
            return BrokerProxy.On(broker, method, arguments);
        });
        await using var groups = new GroupCoordinator(proxy, _documents, _time, Guid.NewGuid);
        await groups.Beat("g", Joining("a", "t"));
        foreach (var (beat, code) in new[]
        {
            (Joining("b", "u") with { Rebalance = null }, ErrorCodes.Malformed),
            (Joining("b", "u") with { Assignor = "none" }, ErrorCodes.AssignorUnknown),
            (Joining("b", "u") with { Epoch = 1 }, ErrorCodes.MemberUnknown),
            (Joining("a", "u") with { Epoch = 7 }, ErrorCodes.EpochFenced),
        })
            Assert.Equal(code, (await Assert.ThrowsAsync<MqException>(async () => await groups.Beat("g", beat))).Code);
        await groups.Beat("g", Joining("a", "u") with { Epoch = MemberBeat.Leaves });

        Assert.Equal(["t"], looked);
    });

    [Fact]
    public void AGroupThatALaterReleaseStoredIsRefusedAndLeftAsItIs() => StoryThread.Run(async () =>
    {
        var later = Encoding.UTF8.GetBytes("""{"version":3,"name":"g","assigning":{"epoch":7,"somethingNew":[1]}}""");
        await _documents.Put("coordination/g", later, 0);
        await using var broker = await EmbeddedBroker.InMemory(_time);
        await using var groups = new GroupCoordinator(broker, _documents, _time, Guid.NewGuid);

        foreach (var call in new Func<Task>[]
        {
            () => groups.Beat("g", Joining("a", "t")).AsTask(),
            () => groups.Join("g", new GroupJoin { Session = TimeSpan.FromSeconds(30), Rebalance = TimeSpan.FromSeconds(30), ProtocolType = "consumer", Protocols = [new GroupProtocol("range", default)] }).AsTask(),
            () => groups.Commit("g", null, [new GroupOffset("t", 0, 1)]).AsTask(),
            () => groups.Delete("g").AsTask(),
        })
        {
            var refusal = await Assert.ThrowsAsync<MqException>(call);
            Assert.Equal(ErrorCodes.PartitionUnavailable, refusal.Code);
            Assert.Contains("later release", refusal.Message);
            Assert.Contains("version 3; this program reads version 1 to 2", refusal.Message);
        }

        Assert.Equal(later, (await _documents.Get("coordination/g"))!.Bytes.ToArray());
    });

    [Fact]
    public void ANameBeyondItsLimitIsRefusedAndSaysWhich() => StoryThread.Run(async () =>
    {
        await using var broker = await EmbeddedBroker.InMemory(_time);
        await using var groups = new GroupCoordinator(broker, _documents, _time, () => Guid.Empty);
        var join = new GroupJoin { NameFirst = true, Session = TimeSpan.FromSeconds(30), Rebalance = TimeSpan.FromSeconds(30), ProtocolType = "consumer", Protocols = [new GroupProtocol("range", default)] };
        var refusal = await Assert.ThrowsAsync<MqException>(async () => await groups.Join("g", join with { Client = new string('c', 256) }));
        Assert.Equal((ErrorCodes.Malformed, "A client's id has 255 characters at most; 256 were given."), (refusal.Code, refusal.Message));

        // A name that is drawn here is one that may come again.
        var named = await groups.Join("g", join with { Client = new string('c', 255) });
        Assert.Equal(255, named.Member.Length);
        _ = groups.Join("g", join with { Member = named.Member, Client = new string('c', 255) }).AsTask();
        Assert.Equal(named.Member, Assert.Single((await groups.Describe("g")).Members).Member);
    });

    private static IReadOnlyList<string> Topics(MemberStanding standing) => [.. (standing.Assigned ?? []).Select(topic => topic.Topic.Text)];

    /// <summary>While time goes on.</summary>
    private async Task<MemberStanding> Passing(ValueTask<MemberStanding> beat)
    {
        var waits = beat.AsTask();
        await ((StoryThread)SynchronizationContext.Current!).Quiet();
        while (!waits.IsCompleted)
        {
            _time.Advance(GroupCoordination.LookTurn);
            await ((StoryThread)SynchronizationContext.Current!).Quiet();
        }

        return await waits;
    }

    private static MemberBeat Beat(string member, int epoch) => new() { Member = member, Epoch = epoch, Session = TimeSpan.FromSeconds(45) };

    private static MemberBeat Joining(string member, params string[] topics) =>
        Beat(member, 0) with { Rebalance = TimeSpan.FromSeconds(30), Topics = [.. topics.Select(topic => new TopicName(topic))], Owned = [] };
}
