using System.Reflection;
using OrleansMq.Conformance.Broker;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>What a client is told where the committed offsets can't be read.</summary>
public sealed class OffsetFetchTests
{
    /// <summary>Kafka's own client throws any other of these out of its poll.</summary>
    [Theory]
    [InlineData(ErrorCodes.PartitionUnavailable)]
    [InlineData(ErrorCodes.OutcomeUnknown)]
    [InlineData(ErrorCodes.Overloaded)]
    [InlineData(ErrorCodes.RateLimited)]
    [InlineData(ErrorCodes.DiskFull)]
    [InlineData(ErrorCodes.PartitionDamaged)]
    public async Task WhatPassesIsSaidInTheWordThatEveryClientRepeats(string code)
    {
        await using var broker = await EmbeddedBroker.InMemory();
        var refusing = DispatchProxy.Create<IGroupCoordinator, Refusing>();
        ((Refusing)(object)refusing).Code = code;
        var shown = BrokerProxy.Of((method, arguments) => method.Name switch
        {
            $"get_{nameof(IBroker.Coordinator)}" => refusing,
            nameof(IAsyncDisposable.DisposeAsync) => ValueTask.CompletedTask,
            _ => BrokerProxy.On(broker, method, arguments),
        });
        await using var gateway = await KafkaGateway.Start(shown, new KafkaGatewayOptions());
        using var client = await RawClient.Connect(gateway.Address);

        var reader = new KafkaReader(await client.Ask(Logins.FrameOf(ApiKey.OffsetFetch, 3, w =>
        {
            w.String("g"); w.Count(1); w.String("t"); w.Int32Array([0]);
        })));

        reader.Int64();
        reader.Int32();
        Assert.Equal("t", reader.String());
        reader.Int64();
        Assert.Equal(-1, reader.Int64());
        reader.String();
        Assert.Equal(14, reader.Int16());
        Assert.Equal(14, reader.Int16());
    }

    public class Refusing : DispatchProxy
    {
        public string Code { get; set; } = "";

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => throw new MqException(Code, "Not now.");
    }
}
