using System.Reflection;
using OrleansMq.Client.Grains;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>A client's calls that are made again because nobody heard of the first, before grains whose answers the test gives.</summary>
public sealed class RepeatedCallTests
{
    private static readonly Guid TopicId = Guid.NewGuid();

    private readonly Grains _grains = Grains.Make();
    private readonly ClusterBroker _broker;

    public RepeatedCallTests()
    {
        _broker = new ClusterBroker(_grains.Factory, new ClusterBrokerOptions { RetryDelay = TimeSpan.Zero, RetryFor = TimeSpan.FromMinutes(10) });
        _grains.Answer(nameof(ITopicGrain.Resolve), _ => Task.FromResult(new TopicTarget(TopicId, "t", new TopicSettings(), null)));
    }

    [Theory]
    [InlineData(ErrorCodes.BacklogFull)]
    [InlineData(ErrorCodes.AdmissionClosed)]
    public async Task ARefusalSaysNothingOfAnEarlierTryThatMayStillArrive(string code)
    {
        _grains.Answer(nameof(IPartitionGrain.Append), Lost<AppendResult>(), _ => Task.FromException<AppendResult>(new MqException(code, "no")));

        var told = await Assert.ThrowsAsync<MqException>(async () => await Append());

        Assert.Equal(ErrorCodes.OutcomeUnknown, told.Code);
        Assert.Equal(code, Assert.IsType<MqException>(told.InnerException).Code);
    }

    [Fact]
    public async Task ARefusalWithoutAnEarlierTryIsToldAsItIs()
    {
        _grains.Answer(nameof(IPartitionGrain.Append), _ => Task.FromException<AppendResult>(new MqException(ErrorCodes.BacklogFull, "no")));

        Assert.Equal(ErrorCodes.BacklogFull, (await Assert.ThrowsAsync<MqException>(async () => await Append())).Code);
    }

    [Fact]
    public async Task WhatAGrainThatDidNotGetReadyCancelledIsAskedAgain()
    {
        _grains.Answer(nameof(IPartitionGrain.FindOffset), _ => Task.FromException<long>(new TaskCanceledException("The grain did not activate in time.")), _ => Task.FromResult(7L));

        Assert.Equal(7, await _broker.FindOffset("t", 0, StartAt.Latest));
    }

    [Fact]
    public async Task ALeaseThatMayHaveLapsedIsNotToldAsExtended()
    {
        var lease = new LeaseId(0, 0, 1, 5, 1);
        foreach (var settlement in (Settlement[])[Settlement.Extend([lease]), Settlement.Refuse([lease]), Settlement.Defer(lease), Settlement.DeadLetter([lease], "bad"), WithState(lease)])
            Assert.Equal((settlement.Kind, ErrorCodes.LeaseUnknown), (settlement.Kind, await SettleTwice(settlement)));
        Assert.Null(await SettleTwice(Settlement.Acknowledge(lease)));

        async Task<string?> SettleTwice(Settlement settlement)
        {
            _grains.Answer(nameof(IPartitionGrain.Settle), Lost<string?[]>(), _ => Task.FromResult<string?[]>([ErrorCodes.LeaseUnknown]));
            return (await _broker.Settle("t", "g", settlement))[0].Code;
        }

        static Settlement WithState(LeaseId lease) => Settlement.Acknowledge(lease) with { Sessions = [new SessionChange(lease, "state"u8.ToArray(), 0)] };
    }

    [Fact]
    public async Task ADeletionThatIsMadeAgainLeavesTheNextTopicOfTheName()
    {
        List<object?> asked = [];
        _grains.Answer(nameof(ITopicGrain.DeleteOnly), Note(new TimeoutException("lost")), Note(new MqException(ErrorCodes.TopicUnknown, "Another has the name.")));

        await _broker.DeleteTopic("t");

        Assert.Equal([TopicId, TopicId], asked);

        Func<object?[], Task> Note(Exception answer) => given =>
        {
            asked.Add(given[0]);
            return Task.FromException(answer);
        };
    }

    private ValueTask<AppendResult> Append()
    {
        var records = new RecordBatchBuilder(256);
        records.Append(0, default, false, "body"u8, true);
        return _broker.Append(new AppendRequest { Topic = "t", Partition = 0, Batch = records.ToArray(), Producer = new ProducerSequence(1, 0, 0) });
    }

    private static Func<object?[], Task> Lost<T>() => _ => Task.FromException<T>(new TimeoutException("lost"));
}

/// <summary>Grains of any kind: each call of a method has the next answer given for its name; the last one stays.</summary>
public class Grains : DispatchProxy
{
    private Dictionary<string, Queue<Func<object?[], Task>>> _answers = [];

    public static Grains Make() => new();

    public IGrainFactory Factory => (IGrainFactory)Of(typeof(IGrainFactory));

    public void Answer(string method, params Func<object?[], Task>[] answers) => _answers[method] = new(answers);

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (targetMethod!.Name == nameof(IGrainFactory.GetGrain))
            return Of(targetMethod.ReturnType);
        var answers = _answers[targetMethod.Name];
        return (answers.Count > 1 ? answers.Dequeue() : answers.Peek())(args!);
    }

    private object Of(Type kind)
    {
        var made = Create(kind, typeof(Grains));
        ((Grains)made)._answers = _answers;
        return made;
    }
}
