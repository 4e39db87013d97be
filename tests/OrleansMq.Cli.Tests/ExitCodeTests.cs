using OrleansMq.Conformance.Broker;

namespace OrleansMq.Cli.Tests;

public sealed class ExitCodeTests
{
    private static readonly IBroker NoOne = BrokerProxy.Failing(new HttpRequestException("Connection refused"));

    [Theory]
    [InlineData("topic", "create")]
    [InlineData("topic", "create", "a/b")]
    [InlineData("topic", "create", "a", "--retention", "soon")]
    [InlineData("topic", "create", "a", "--when-full", "explode")]
    [InlineData("topic", "fly", "a")]
    [InlineData("seek", "a", "--group", "g")]
    [InlineData("seek", "a", "--group", "g", "--to", "earliest", "--positions", "0:1")]
    [InlineData("dlq", "redrive", "a", "--group", "g")]
    [InlineData("dlq", "redrive", "a", "--group", "g", "--all", "--replace", "x")]
    [InlineData("consume", "a")]
    [InlineData("produce", "a", "--header", "nameless")]
    [InlineData("topic", "list", "--server", "ftp://here")]
    [InlineData("bench", "--messages", "0")]
    [InlineData("bench", "--size", "15")]
    public async Task WhatCantBeReadIsWrongUsage(params string[] args)
    {
        var run = await Mq.Run(NoOne, args);

        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.StartsWith("mq: ", run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Out);
    }

    [Fact]
    public async Task ARefusalIsPrintedWithItsCode()
    {
        var broker = BrokerProxy.Failing(new MqException(ErrorCodes.TopicUnknown, "There is no topic 'a'."));

        var run = await Mq.Run(broker, "topic", "describe", "a");

        Assert.Equal(new Mq(ExitCode.Refused, "", "mq: topic-unknown: There is no topic 'a'.\n"), run);
    }

    [Fact]
    public async Task NobodyAtTheAddressIsUnreachable()
    {
        var run = await Mq.Run(NoOne, "topic", "list");

        Assert.Equal(ExitCode.Unreachable, run.Code);
        Assert.StartsWith("mq: unreachable: ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARefusalThatCameFromABrokenConnectionIsUnreachable()
    {
        var broker = BrokerProxy.Failing(new MqException(ErrorCodes.OutcomeUnknown, "No answer.", inner: new HttpRequestException("Connection refused")));

        Assert.Equal(ExitCode.Unreachable, (await Mq.Run(broker, "topic", "delete", "a")).Code);
    }

    [Fact]
    public async Task CtrlCEndsWith130AndWithoutAWord()
    {
        using var ctrlC = new CancellationTokenSource();
        var broker = BrokerProxy.Of((method, arguments) =>
        {
            if (method.Name == nameof(IAsyncDisposable.DisposeAsync))
                return ValueTask.CompletedTask;
            ctrlC.Cancel();
            arguments.OfType<CancellationToken>().Single().ThrowIfCancellationRequested();
            throw new InvalidOperationException("The command did not pass Ctrl-C on.");
        });
        var error = new StringWriter();

        var code = await MqProgram.Run(["topic", "list"], new MqConsole(TextReader.Null, TextWriter.Null, error), _ => broker, ctrlC.Token);

        Assert.Equal(ExitCode.Interrupted, code);
        Assert.Empty(error.ToString());
    }

    [Fact]
    public async Task ClosedStandardOutputEndsQuietly()
    {
        var broker = BrokerProxy.Of((method, _) => method.Name == nameof(IBroker.ListTopics)
            ? new ValueTask<Page<TopicName>>(new Page<TopicName>(["a", "b"], null))
            : default(ValueTask));
        var error = new StringWriter();

        var code = await MqProgram.Run(["topic", "list"], new MqConsole(TextReader.Null, new ClosedWriter(), error), _ => broker);

        Assert.Equal(ExitCode.Done, code);
        Assert.Empty(error.ToString());
    }

    [Fact]
    public async Task HelpNamesTheExitCodes()
    {
        var run = await Mq.Run(NoOne, "--help");

        Assert.Equal(ExitCode.Done, run.Code);
        Assert.Contains("130 interrupted", run.Out, StringComparison.Ordinal);
    }

    private sealed class ClosedWriter : StringWriter
    {
        public override void WriteLine(string? value) => throw new IOException("Broken pipe");
    }
}
