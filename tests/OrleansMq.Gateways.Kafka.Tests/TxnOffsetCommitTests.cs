using OrleansMq.Conformance.Broker;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>Positions in a transaction, and what their client is told where they can't be added.</summary>
public sealed class TxnOffsetCommitTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;
    private KafkaGateway _gateway = null!;
    private RawClient _client = null!;

    /// <summary>Why topics can't be described, or null.</summary>
    private string? _refusal;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new TopicChange());
        await _broker.Publish("t", [Message.OfText("1"), Message.OfText("2")]);
        _gateway = await KafkaGateway.Start(BrokerProxy.Over(_broker, Refuse), new KafkaGatewayOptions());
        _client = await RawClient.Connect(_gateway.Address);
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        await _gateway.DisposeAsync();
        await _broker.DisposeAsync();
    }

    [Fact]
    public async Task ThoseThatAreThereAreAddedWhereAnotherIsNot()
    {
        var producer = await _broker.Transactions.Open("id", TimeSpan.FromMinutes(1));

        Assert.Equal([KafkaError.None, KafkaError.UnknownTopicOrPartition], await Commit(producer, 0, 7));

        await _broker.Transactions.End("id", producer, commit: true, newEpoch: false);
        Assert.Equal([new GroupOffset("t", 0, 2)], await _broker.Coordinator.Committed("g"));
    }

    /// <summary>Clients know fewer words for what passes here than for other calls, and give up at those that they don't know.</summary>
    [Theory]
    [InlineData(ErrorCodes.PartitionUnavailable)]
    [InlineData(ErrorCodes.OutcomeUnknown)]
    [InlineData(ErrorCodes.Overloaded)]
    [InlineData(ErrorCodes.RateLimited)]
    [InlineData(ErrorCodes.DiskFull)]
    public async Task WhatPassesIsSaidInAWordThatEveryClientRepeats(string code)
    {
        var producer = await _broker.Transactions.Open("id", TimeSpan.FromMinutes(1));

        _refusal = code;

        Assert.Equal([KafkaError.CoordinatorNotAvailable], await Commit(producer, 0));
        Assert.Equal(KafkaError.ConcurrentTransactions, await AddPartition(producer));
        _refusal = null;
        Assert.Equal([KafkaError.None], await Commit(producer, 0));
        Assert.Equal(KafkaError.None, await AddPartition(producer));
    }

    private void Refuse(string method, object?[] arguments)
    {
        if (method == nameof(IBroker.DescribeTopic) && _refusal is { } code)
            throw new MqException(code, "Not now.");
    }

    private Task<KafkaError> AddPartition(ProducerIdentity producer) => _client.AddPartition("id", producer, "t");

    /// <summary>Position 2 on these partitions of t.</summary>
    private async Task<KafkaError[]> Commit(ProducerIdentity producer, params int[] partitions)
    {
        var reader = new KafkaReader(await _client.Ask(Logins.FrameOf(ApiKey.TxnOffsetCommit, 2, w =>
        {
            w.String("id"); w.String("g"); w.Int64(producer.Id); w.Int16(producer.Epoch); w.Count(1); w.String("t"); w.Count(partitions.Length);
            foreach (var partition in partitions)
            {
                w.Int32(partition); w.Int64(2); w.Int32(-1); w.NullableString(null);
            }
        })));
        reader.Int64();
        reader.Int32();
        Assert.Equal("t", reader.String());
        var errors = new KafkaError[reader.Int32()];
        for (var i = 0; i < errors.Length; i++)
        {
            Assert.Equal(partitions[i], reader.Int32());
            errors[i] = (KafkaError)reader.Int16();
        }
        return errors;
    }
}
