using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using OrleansMq.Cli.Input;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq bench</c>.</summary>
internal static class BenchCommand
{
    public static Command Build(Shell shell)
    {
        var topic = Options.Of<TopicName?>("--topic", "Use this topic and leave it, instead of one of its own that is deleted at the end.", "TOPIC", t => new TopicName(t));
        var messages = Options.Of("--messages", "How many.", "N", Text.FromOne, 100_000);
        var size = Options.Of("--size", "Bytes of each body, at least 16.", "BYTES", t => checked((int)Text.Bytes(t)) is >= 16 and var bytes ? bytes : throw new FormatException("at least 16"), 100);
        var partitions = Options.Of("--partitions", "Of its own topic.", "N", Text.FromOne, 8);
        var producers = Options.Of("--producers", "Producers at once.", "N", Text.FromOne, 4);
        var consumers = Options.Of("--consumers", "Consumers at once.", "N", Text.FromOne, 4);
        var window = Options.Of("--window", "Messages of each producer on their way at once.", "N", Text.FromOne, 1_000);
        var rate = Options.Of<double?>("--rate", "Messages a second of all producers together. Default: as many as go; the time to delivery is then that of a backlog.", "N", t => Text.Rate(t));
        var acks = Common.Acks();
        return shell.Handle(new Command("bench", "A quick load against a server: publish and consume at once, then say how fast, and whether anything went missing.")
        {
            topic, messages, size, partitions, producers, consumers, window, rate, acks,
        }, async run =>
        {
            var own = run.Get(topic) is null;
            var name = run.Get(topic) ?? new TopicName($"mq-bench-{Guid.NewGuid().ToString("n")[..8]}");
            if (own)
                await run.Broker.PutTopic(name, new TopicChange { Partitions = run.Get(partitions) }, run.Cancel);
            var load = new BenchLoad(run.Broker, name, run.Get(messages), run.Get(size), run.Get(window), run.Get(acks));
            try
            {
                await LiveProgress.Show(run.Console, "delivered", () => (load.Delivered, run.Get(messages)), load.Run(run.Get(producers), run.Get(consumers), run.Get(rate), run.Cancel));
            }
            finally
            {
                await CleanUp(run.Broker, name, load.Group, own);
            }
            Print(run.Out, load.Result());
            return load.Result().Lost == 0 ? ExitCode.Done : ExitCode.PromiseBroken;
        });
    }

    private static async Task CleanUp(IBroker broker, TopicName topic, GroupName group, bool own)
    {
        if (own)
            await broker.DeleteTopic(topic);
        else
            await broker.DeleteGroup(topic, group);
    }

    private static void Print(Printer output, BenchResult result)
    {
        if (output.Json)
            output.Line(json => JsonSerializer.Serialize(json, result, JsonSerializerOptions.Web));
        else
            output.Table($"{result.Messages:N0} messages, {result.Lost:N0} lost, {result.DeliveredAgain:N0} delivered again",
                ["", "messages/s", "MB/s", "p50 ms", "p99 ms", "max ms"], [Row("publish → ack", result.Publish), Row("publish → delivered", result.Deliver)]);
    }

    private static string[] Row(string name, BenchStage stage) =>
        [name, stage.MessagesPerSecond.ToString("N0", CultureInfo.InvariantCulture), Number(stage.MegabytesPerSecond), Number(stage.P50Ms), Number(stage.P99Ms), Number(stage.MaxMs)];

    private static string Number(double number) => number.ToString("N1", CultureInfo.InvariantCulture);
}

internal sealed record BenchResult(long Messages, long Lost, long DeliveredAgain, BenchStage Publish, BenchStage Deliver);

internal sealed record BenchStage(double MessagesPerSecond, double MegabytesPerSecond, double P50Ms, double P99Ms, double MaxMs)
{
    public static BenchStage Of(long[] ticks, int size, TimeSpan took)
    {
        Array.Sort(ticks);
        var perSecond = ticks.Length / Math.Max(1e-9, took.TotalSeconds);
        return new(Math.Round(perSecond), Math.Round(perSecond * size / 1e6, 2), At(0.5), At(0.99), At(1));

        double At(double share) => ticks.Length == 0 ? 0 : Math.Round(TimeSpan.FromTicks(ticks[Math.Min(ticks.Length - 1, (int)(share * ticks.Length))]).TotalMilliseconds, 3);
    }
}
