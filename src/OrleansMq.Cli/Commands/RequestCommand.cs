using System.CommandLine;
using OrleansMq.Cli.Input;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq request</c>: a message, and the reply to it.</summary>
internal static class RequestCommand
{
    public static Command Build(Shell shell)
    {
        var topic = Common.Topic();
        var body = new Argument<string>("BODY") { Description = "The request's body; '-' reads standard input." };
        var key = new Option<string?>("--key") { Description = "The request's key.", HelpName = "KEY" };
        var headers = Common.Headers("name=text; may be given again.");
        var contentType = new Option<string?>("--content-type") { Description = "Of the body, such as application/json.", HelpName = "TYPE" };
        var timeout = Options.Of<TimeSpan?>("--timeout", "How long to wait for the reply. Default 30s.", "TIME", t => Timeout(Text.Duration(t)));
        var replies = Options.Of<TopicName?>("--reply-topic", "Where the reply goes; made where it is not there. Default: replies.", "TOPIC", t => new TopicName(t));
        var command = new Command("request", "Send a message and print the reply that a responder gives. Without one in time: exit code 1 (reply-timeout).") { topic, body, key, headers, contentType, timeout, replies };
        return shell.Handle(command, async run =>
        {
            // A mistyped name and a server that is not there are told at once.
            _ = await run.Broker.DescribeTopic(run.Get(topic), run.Cancel);
            var text = run.Get(body) is "-" ? await run.Console.In.ReadToEndAsync(run.Cancel) : run.Get(body);
            var request = Message.OfText(text, run.Get(key)) with { ContentType = run.Get(contentType), Headers = [.. run.Get(headers).Select(Text.Header)] };
            var standard = new RequesterOptions { OnError = e => run.Say($"mq: {e.Message} Trying again.") };
            // The requester's own: as long as this the request is sent again.
            var options = standard with { ReplyTopic = run.Get(replies) ?? standard.ReplyTopic, Timeout = run.Get(timeout) ?? standard.Timeout };
            await using var requester = run.Broker.CreateRequester(options, run.Console.Time);
            MessagePrinter.For(run, null)(await Reply(requester, run, run.Get(topic), request));
            return ExitCode.Done;
        });
    }

    private static async Task<StoredMessage> Reply(Requester requester, Invocation run, TopicName topic, Message request)
    {
        try
        {
            return await requester.Request(topic, request, cancel: run.Cancel);
        }
        catch (TimeoutException late)
        {
            throw new MqException("reply-timeout", late.Message);
        }
        catch (ReplyErrorException refused)
        {
            throw new MqException(refused.Code, refused.Message);
        }
    }

    private static TimeSpan Timeout(TimeSpan asked) => asked >= TimeSpan.FromMilliseconds(1) && asked <= RequesterOptions.MaxTimeout
        ? asked
        : throw new FormatException($"1ms to {RequesterOptions.MaxTimeout.TotalHours:0}h");
}
