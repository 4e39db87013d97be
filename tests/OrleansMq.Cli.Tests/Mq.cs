using System.Text.Json.Nodes;
using OrleansMq.Conformance.Broker;

namespace OrleansMq.Cli.Tests;

/// <summary>One run of <c>mq</c> and what came of it.</summary>
internal sealed record Mq(int Code, string Out, string Error)
{
    public JsonNode Json => JsonNode.Parse(Out)!;

    public string[] Lines => Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public static Task<Mq> Run(IBroker broker, params string[] args) => RunWith(broker, "", args);

    /// <param name="stdin">What standard input holds.</param>
    public static async Task<Mq> RunWith(IBroker broker, string stdin, params string[] args)
    {
        var (output, error) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" });
        var code = await MqProgram.Run(args, new StringReader(stdin), output, error, _ => BrokerProxy.Over(broker));
        return new(code, output.ToString(), error.ToString());
    }

    /// <summary>Must end well.</summary>
    public static async Task<Mq> Ok(IBroker broker, params string[] args)
    {
        var run = await Run(broker, args);
        Assert.True(run.Code == ExitCode.Done, $"mq {string.Join(' ', args)} ended with {run.Code}: {run.Error}");
        return run;
    }
}
