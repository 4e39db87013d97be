using OrleansMq.Conformance.Broker;

namespace OrleansMq.Cli.Tests;

public sealed class DoctorTests : IAsyncLifetime
{
    private static readonly IBroker NoBroker = BrokerProxy.Failing(new InvalidOperationException("The doctor needs no broker."));
    private readonly string _data = Directory.CreateTempSubdirectory("mq-doctor-").FullName;

    public async Task InitializeAsync()
    {
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Data = _data });
        await broker.PutTopic("t", new TopicChange { Partitions = 2 });
        for (var i = 0; i < 20; i++)
            await broker.Publish("t", [Message.OfText($"message {i}") with { Partition = i % 2 }]);
    }

    public Task DisposeAsync()
    {
        Directory.Delete(_data, recursive: true);
        return Task.CompletedTask;
    }

    [Fact]
    public async Task ACleanFolderIsClean()
    {
        var found = (await Mq.Ok(NoBroker, "doctor", _data, "--json")).Json;

        Assert.True((bool)found["clean"]!);
        Assert.Equal([("t", 0, 10, "clean"), ("t", 1, 10, "clean")],
            found["partitions"]!.AsArray().Select(p => ((string)p!["topic"]!, (int)p["partition"]!, (int)p["messages"]!, (string)p["state"]!)));
    }

    [Fact]
    public async Task AFlippedBitIsFoundWithItsPlaceAndNothingIsChanged()
    {
        var segment = Directory.EnumerateFiles(_data, "*.seg", SearchOption.AllDirectories).Order(StringComparer.Ordinal).First();
        var bytes = await File.ReadAllBytesAsync(segment);
        bytes[bytes.AsSpan().IndexOf("message 4"u8) is > 0 and var at ? at : bytes.AsSpan().IndexOf("message 5"u8)] ^= 1;
        await File.WriteAllBytesAsync(segment, bytes);

        var run = await Mq.Run(NoBroker, "doctor", _data);

        Assert.Equal(ExitCode.DamageFound, run.Code);
        Assert.Contains(run.Lines, line => line.StartsWith("damage: t partition ", StringComparison.Ordinal) && line.Contains(segment, StringComparison.Ordinal));
        Assert.Equal(bytes, await File.ReadAllBytesAsync(segment));
    }

    [Fact]
    public async Task WhatIsNoDataFolderOrInUseIsWrongUsage()
    {
        Assert.Equal(ExitCode.Usage, (await Mq.Run(NoBroker, "doctor", Path.GetTempPath())).Code);

        await using var holder = await EmbeddedBroker.Start(new EmbeddedOptions { Data = _data });
        Assert.Equal(ExitCode.Usage, (await Mq.Run(NoBroker, "doctor", _data)).Code);
    }
}
